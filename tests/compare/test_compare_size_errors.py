"""An error counts where it is beyond its limit without its noise too."""

from dataclasses import replace

import pytest

from moeprof.compare.size_errors import (
    check_median,
    check_p95,
    check_quiet,
    check_worst,
    size_errors,
    sizes_to_tell,
)
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
    assert found.low == pytest.approx(1.3 / (1 + noise) - 1)


def test_a_limit_above_100_percent_finds_a_model_that_is_too_fast() -> None:
    found = check_worst(size_errors([point(-0.6)], 0.0), 1.2)
    assert found is not None
    assert found.outcome is Outcome.FAIL


def test_a_size_that_is_far_off_and_repeats_well_fails() -> None:
    errors = size_errors([*[point(0.01)] * 5, point(-0.6, 0.02, tokens=7)], 0.01)
    found = check_worst(errors, 0.3)
    assert found is not None
    assert (found.cause, found.outcome) == (Cause.ERROR, Outcome.FAIL)
    assert "the error at size 7 is at least 145 %, beyond the limit of 30.00 %" in found.reason


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
    found = check_p95(errors, 0.15, "sizes")
    assert (None if found is None else found.outcome) == outcome


def test_the_sizes_that_are_off_are_counted_and_named() -> None:
    errors = size_errors([point(0.2, tokens=2), point(0.0, tokens=5)], 0.0)
    found = check_p95(errors, 0.15, "sizes from 1 to 8")
    assert found is not None
    assert found.reason == (
        "1 of the 2 sizes from 1 to 8 is off by more than 15.00 % (size 2), which may be chance:"
        " of 20 sizes as many may be"
    )


@pytest.mark.parametrize(("disturbed", "found"), [(4, False), (5, True), (8, True)])
def test_most_sizes_of_a_machine_that_was_not_quiet_are_found(disturbed: int, found: bool) -> None:
    points = [replace(point(0.0), disturbed=at < disturbed) for at in range(8)]
    finding = check_quiet(size_errors(points, 0.0), "sizes from 1 to 8")
    assert (finding is not None) is found
    if finding is not None:
        assert (finding.cause, finding.outcome) == (Cause.NOISE, Outcome.AMBIGUOUS)
        assert finding.reason.startswith("most sizes from 1 to 8 were measured while the machine")


def test_the_number_of_sizes_that_would_tell_is_that_of_errors_alike() -> None:
    six_of_eight = size_errors([point(0.01)] * 6 + [point(0.05)] * 2, 0.0)
    assert sizes_to_tell(six_of_eight, 0.03) == 16
    half = size_errors([point(0.01), point(0.05)] * 4, 0.0)
    assert sizes_to_tell(half, 0.03) is None
    found = check_median(six_of_eight, 0.03, 0.0, "all sizes")
    assert found is not None
    assert found.reason.endswith("and the limit is 3.00 %: 16 sizes like these would tell")


@pytest.mark.parametrize(
    ("interval", "floor", "outcome"),
    [
        ((0.01, 0.029), 0.5, None),
        ((0.01, 0.04), 0.0, Outcome.AMBIGUOUS),
        ((0.04, 0.05), 0.0, Outcome.FAIL),
        ((0.04, 0.05), 0.03, Outcome.AMBIGUOUS),
        ((0.04, 0.05), 0.026, Outcome.FAIL),
    ],
)
def test_limit_and_floor_add_in_quadrature(
    interval: tuple[float, float], floor: float, outcome: Outcome | None
) -> None:
    errors = size_errors([point(interval[0]), point(interval[1])] * 3, 0.0)
    found = check_median(errors, 0.03, floor, "all sizes")
    assert (None if found is None else found.outcome) is outcome
