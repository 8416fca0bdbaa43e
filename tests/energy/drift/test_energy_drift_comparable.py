"""Loads made comparable: drift corrected once, disturbances marked and never corrected."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moeprof.energy.drift.comparable import comparable
from moeprof.energy.per_launch import MeteredLoad
from moeprof.store.flag import Flag, FlagCode
from moeprof.tests.energy.reference_loads import CLOCK_MHZ, metered, reference

TIMES_S = np.arange(0, 600, 15.0)
CAPPED = Flag(FlagCode.POWER_CAPPED, "power limit held the clocks down")


def a_pass(drift: float, followed: float = 1.0) -> dict[str, list[MeteredLoad]]:
    """Two blocks of 20 sizes at 100 to 480 W while the machine drifts all along."""
    loads = [reference(t, 1 + drift * t / 600) for t in TIMES_S]
    for block in (0, 1):
        for size in range(20):
            at_s = 300 * block + 15 * size + 5
            watts = (100 + 20 * size) * (1 + followed * drift * at_s / 600)
            loads.append(metered(at_s, watts, key=str(size), repeat=block))
    return {"gelu": loads}


def powers_w(loads: list[MeteredLoad]) -> dict[tuple[str | None, int], float]:
    return {
        (one.load.scenario_key, one.load.visit): one.cost.power_w.value or 0.0
        for one in loads
        if one.load.kind == "operation"
    }


@given(st.floats(-0.06, 0.06), st.sampled_from([0.5, 1.0, 1.5]))
def test_a_drift_is_corrected_by_what_the_operation_follows_of_it(
    drift: float, followed: float
) -> None:
    found = powers_w(comparable(a_pass(drift, followed))["gelu"])
    for size in range(20):
        middle_w = (100 + 20 * size) * (1 + followed * drift / 2)
        for block in (0, 1):
            assert found[str(size), block] == pytest.approx(middle_w, rel=0.007)


@given(st.floats(-0.06, 0.06))
def test_power_keeps_its_mean_so_that_leakage_is_not_corrected_twice(drift: float) -> None:
    """The model's reference temperature is the mean of the same loads."""
    before = powers_w(a_pass(drift)["gelu"]).values()
    after = powers_w(comparable(a_pass(drift))["gelu"]).values()
    assert sum(np.log(list(after))) == pytest.approx(sum(np.log(list(before))), abs=0.05)


def test_what_was_corrected_is_said_of_each_load() -> None:
    loads = comparable(a_pass(0.03))["gelu"]
    first = next(one for one in loads if one.load.kind == "operation")
    assert first.correction == pytest.approx(0.015, abs=0.003)
    assert first.cost.energy_mj.value == pytest.approx((first.cost.power_w.value or 0) / 10)


def test_the_power_at_the_limit_is_kept() -> None:
    loads = a_pass(0.03)
    loads["gelu"] = [replace(one, cost=replace(one.cost, flags=(CAPPED,))) for one in loads["gelu"]]
    assert powers_w(comparable(loads)["gelu"]) == powers_w(loads["gelu"])


def test_without_reference_loads_nothing_is_changed() -> None:
    loads = {"gelu": [one for one in a_pass(0.03)["gelu"] if one.load.kind == "operation"]}
    assert comparable(loads) == loads


def test_loads_in_a_slow_minute_are_in_doubt_and_corrected_by_no_step() -> None:
    loads = a_pass(0.0)
    loads["gelu"] = [
        reference(one.at_s, 0.8, 1.3)
        if one.load.kind == "reference" and 100 <= one.at_s < 160
        else one
        for one in loads["gelu"]
    ]
    found = comparable(loads)["gelu"]
    in_doubt = [one.at_s for one in found if one.doubt is not None and one.load.kind != "reference"]
    assert in_doubt == [95, 110, 125, 140, 155]
    assert max(abs(one.correction) for one in found) < 1e-9


def test_another_clock_than_that_of_most_loads_is_in_doubt() -> None:
    loads = a_pass(0.0)
    last = loads["gelu"][-1]
    loads["gelu"][-1] = replace(last, sm_clock_mhz=CLOCK_MHZ - 300)
    assert comparable(loads)["gelu"][-1].doubt == (
        "the SM clock was 1455 MHz, and 1755 MHz in most loads"
    )
    capped = replace(loads["gelu"][-1], cost=replace(last.cost, flags=(CAPPED,)))
    loads["gelu"][-1] = capped
    assert comparable(loads)["gelu"][-1].doubt is None
