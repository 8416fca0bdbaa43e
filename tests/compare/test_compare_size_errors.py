"""An error counts where it is beyond its limit without its noise too."""

import pytest

from moeprof.compare.size_errors import check_median, check_p95, check_worst, size_errors
from moeprof.store.verdicts.parts import Cause, HoldoutPoint, Outcome


def point(error: float, repeat: float | None = 0.0, tokens: int = 100) -> HoldoutPoint:
    return HoldoutPoint(tokens, 10.0, 10.0 * (1 + error), None, repeat=repeat)


@pytest.mark.parametrize(
    ("repeat", "floor", "noise"),
    [(0.1, 0.02, 0.1), (0.01, 0.02, 0.02), (None, 0.02, 0.04), (0.1, None, 0.1), (None, None, 0)],
)
def test_the_noise_of_a_size_is_that_of_its_own_repeats_or_of_the_curve(
    repeat: float | None, floor: float | None, noise: float
) -> None:
    (found,) = size_errors([point(0.3, repeat)], floor)
    assert found.noise == noise
    assert found.low == pytest.approx(0.3 - noise)


def test_a_size_that_is_far_off_and_repeats_well_fails() -> None:
    errors = size_errors([*[point(0.01)] * 5, point(-0.6, 0.02, tokens=7)], 0.01)
    found = check_worst(errors, 0.3)
    assert found is not None
    assert (found.cause, found.outcome) == (Cause.ERROR, Outcome.FAIL)
    assert "the error at size 7 is at least 58.00 %, beyond the limit of 30.00 %" in found.reason


def test_a_size_that_is_far_off_and_repeats_badly_is_noise() -> None:
    found = check_worst(size_errors([point(0.01), point(0.5, 0.7)], 0.01), 0.3)
    assert found is not None
    assert (found.cause, found.outcome) == (Cause.NOISE, Outcome.AMBIGUOUS)


@pytest.mark.parametrize(
    ("off", "outcome"), [(0, None), (1, Outcome.AMBIGUOUS), (2, Outcome.AMBIGUOUS), (3, "FAIL")]
)
def test_of_eight_sizes_three_beyond_the_95th_percentile_are_no_chance(
    off: int, outcome: Outcome | None
) -> None:
    errors = size_errors([*[point(0.2)] * off, *[point(0.0)] * (8 - off)], 0.0)
    found = check_p95(errors, 0.15, "")
    assert (None if found is None else found.outcome) == outcome


@pytest.mark.parametrize(
    ("interval", "floor", "outcome"),
    [
        ((0.01, 0.03), 0.5, None),
        ((0.01, 0.04), 0.0, Outcome.AMBIGUOUS),
        ((0.04, 0.05), 0.0, Outcome.FAIL),
        ((0.04, 0.05), 0.03, Outcome.AMBIGUOUS),
        ((0.04, 0.05), 0.026, Outcome.FAIL),
    ],
)
def test_limit_and_floor_add_in_quadrature(
    interval: tuple[float, float], floor: float, outcome: Outcome | None
) -> None:
    found = check_median(interval, 0.03, floor, "all sizes")
    assert (None if found is None else found.outcome) is outcome
