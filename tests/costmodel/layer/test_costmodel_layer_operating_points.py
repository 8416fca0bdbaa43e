"""Which way to run a layer is best under a budget, and the Pareto front."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moeprof.costmodel.layer.operating_points import (
    Budget,
    OperatingPoint,
    best,
    pareto_front,
    rivals,
)


def point(
    tokens: int,
    latency_us: float,
    energy_mj: float | None,
    power_w: float | None = 100.0,
    **given: Any,
) -> OperatingPoint:
    values: dict[str, Any] = {
        "model": "run", "power_limit_w": 700.0, "routed_by": None, "weight_bits": None,
        "weight_format": None, "latency_us_lo": latency_us, "latency_us_hi": latency_us,
        "energy_mj_lo": energy_mj, "energy_mj_hi": energy_mj, "energy_reason": None,
        "estimated": False,
    }  # fmt: skip
    return OperatingPoint(
        tokens=tokens,
        latency_us=latency_us,
        energy_mj=energy_mj,
        power_w=None if energy_mj is None else power_w,
        **(values | given),
    )


points = st.lists(
    st.builds(
        point,
        st.integers(1, 512),
        st.floats(1, 1e4),
        st.none() | st.floats(0.1, 1e3),
        st.floats(50, 700),
    ),
    max_size=30,
)

SMALL, LARGE, UNMETERED = point(1, 100, 20, 200), point(64, 400, 160, 400), point(64, 50, None)


def test_rates_are_those_of_the_tokens() -> None:
    assert (LARGE.energy_mj_per_token, LARGE.tokens_per_joule) == (2.5, 400)
    assert LARGE.tokens_per_second == 160_000
    assert (UNMETERED.energy_mj_per_token, UNMETERED.tokens_per_joule) == (None, None)


def test_the_best_by_an_aim_is_one_that_was_measured() -> None:
    assert best([SMALL, UNMETERED, LARGE], "tokens-per-joule") is LARGE
    assert best([SMALL, UNMETERED, LARGE], "tokens-per-second") is UNMETERED
    assert best([UNMETERED], "tokens-per-joule") is None


@pytest.mark.parametrize(
    ("budget", "kept"),
    [
        (Budget(), [SMALL, LARGE, UNMETERED]),
        (Budget(power_w=300), [SMALL]),
        (Budget(latency_us=100), [SMALL, UNMETERED]),
        (Budget(power_w=100, latency_us=100), []),
    ],
)
def test_a_budget_keeps_what_is_known_to_be_within_it(
    budget: Budget, kept: list[OperatingPoint]
) -> None:
    assert budget.within([SMALL, LARGE, UNMETERED]) == kept


def test_a_time_is_kept_to_by_the_upper_end_of_the_interval() -> None:
    assert Budget(latency_us=110).within([point(1, 100, 20, latency_us_hi=120)]) == []


def test_the_nearest_exceeds_the_budget_least() -> None:
    assert Budget(power_w=100, latency_us=100).nearest([SMALL, LARGE, UNMETERED]) is SMALL
    assert Budget(power_w=100).nearest([UNMETERED]) is None


def test_ways_whose_intervals_overlap_are_rivals_each_by_its_best_point() -> None:
    winner = point(64, 100, 10, latency_us_lo=90, latency_us_hi=110, energy_mj_hi=11)
    near = point(64, 115, 12, routed_by="near", latency_us_lo=105, energy_mj_lo=10.5)
    worse = point(32, 115, 12, routed_by="near", latency_us_lo=105, energy_mj_lo=1)
    far = point(64, 200, 30, routed_by="far", latency_us_lo=190)
    found = [far, worse, near, winner]
    assert rivals(found, winner, "tokens-per-second") == (near,)
    assert rivals(found, winner, "tokens-per-joule") == (near,)
    assert rivals([winner, far], winner, "tokens-per-joule") == ()


def test_where_the_error_of_an_energy_is_not_known_no_way_is_told_from_it() -> None:
    winner = point(64, 100, 10)
    open_ended = point(64, 200, 30, routed_by="far", energy_mj_lo=None, energy_mj_hi=None)
    assert rivals([winner, open_ended], winner, "tokens-per-joule") == (open_ended,)
    assert rivals([winner, open_ended], winner, "tokens-per-second") == ()


@given(points)
def test_no_point_beats_one_of_the_front_in_both(found: list[OperatingPoint]) -> None:
    front = pareto_front(found)
    for one in front:
        mj = one.energy_mj_per_token
        assert mj is not None
        assert not any(
            other.energy_mj_per_token is not None
            and other.latency_us <= one.latency_us
            and other.energy_mj_per_token < mj
            for other in found
        )
    measured = [one for one in found if one.energy_mj is not None]
    assert (best(found, "tokens-per-joule") is None) == (not measured) == (not front)


@given(points, st.floats(60, 700), st.floats(1, 1e4))
def test_the_best_within_a_budget_is_on_the_front_or_equals_a_point_of_it(
    found: list[OperatingPoint], power_w: float, latency_us: float
) -> None:
    within = Budget(power_w, latency_us).within(found)
    chosen = best(within, "tokens-per-joule")
    front = pareto_front(within)
    assert (chosen is None) == (not front)
    if chosen is not None:
        assert chosen.energy_mj_per_token == pytest.approx(front[-1].energy_mj_per_token)
