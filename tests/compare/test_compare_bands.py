"""Each band of batch size is judged by its own sizes, as few as they are."""

from collections.abc import Collection

import pytest

from moeprof.compare.bands import judge_bands
from moeprof.compare.held import Held
from moeprof.compare.limits import limits_from
from moeprof.compare.size_errors import size_errors
from moeprof.store.cost_model import Domain
from moeprof.store.verdicts.parts import BandVerdict, Cause, HoldoutPoint, Outcome

# tokens -> (signed relative error, relative difference of its repeats)
Sizes = dict[int, tuple[float, float | None]]


def judged(
    sizes: Sizes, floor: float | None = 0.01, last: int = 512, disturbed: Collection[int] = ()
) -> dict[str, BandVerdict]:
    points = tuple(
        HoldoutPoint(
            tokens, 100.0, 100 * (1 + error), None, repeat=repeat, disturbed=tokens in disturbed
        )
        for tokens, (error, repeat) in sizes.items()
    )
    held = Held("fc1", "fc1", "latency", points, floor, (), Domain(1, last))
    bands = judge_bands(size_errors(points, floor), held, limits_from(0.03))
    return {band.name: band for band in bands}


@pytest.mark.parametrize(
    ("small", "outcome"),
    [
        ({3: (0.01, 0.01), 6: (-0.02, 0.01)}, Outcome.PASS),
        ({3: (0.4, 0.01), 6: (0.4, 0.01)}, Outcome.FAIL),
        ({3: (-0.6, 0.01), 6: (-0.6, 0.01)}, Outcome.FAIL),
        ({3: (0.1, 0.01), 6: (-0.1, 0.01)}, Outcome.FAIL),  # every size beyond the limit of 6 %
        ({3: (0.01, 0.01), 6: (0.1, 0.01)}, Outcome.AMBIGUOUS),  # one of two
        ({3: (0.01, 0.01), 5: (0.01, 0.01), 6: (0.1, 0.01)}, Outcome.PASS),  # one of three
        ({3: (0.01, 0.01), 5: (0.01, 0.01), 6: (0.6, 0.01)}, Outcome.FAIL),  # beyond the worst
        ({3: (0.01, 0.01), 5: (0.01, 0.01), 6: (0.6, 0.9)}, Outcome.AMBIGUOUS),  # it repeats badly
        ({3: (0.01, 0.9), 6: (0.01, 0.01)}, Outcome.PASS),  # noise that did no harm
        ({3: (0.1, 0.01)}, Outcome.AMBIGUOUS),  # a single size proves no median
    ],
)
def test_a_band_of_few_sizes(small: Sizes, outcome: Outcome) -> None:
    bands = judged({**small, 30: (0.01, 0.01), 300: (0.01, 0.01)})
    assert bands["1-8"].outcome is outcome
    assert bands["9-64"].outcome is bands["65+"].outcome is Outcome.PASS


def test_the_numbers_of_a_band() -> None:
    band = judged({3: (0.01, None), 6: (-0.05, None), 30: (0.0, None), 300: (0.0, None)})["1-8"]
    assert (band.first, band.last, band.n, band.worst_tokens) == (1, 8, 2, 6)
    assert band.median == pytest.approx((0.01 + 1 / 0.95 - 1) / 2)
    assert band.worst == pytest.approx(1 / 0.95 - 1)
    assert 8 in band
    assert 9 not in band


def test_many_sizes_of_a_band_are_judged_by_the_interval_of_their_median() -> None:
    many: Sizes = {size: (0.1, 0.01) for size in range(70, 90)}
    band = judged({3: (0, None), 30: (0, None), **many})["65+"]
    assert band.outcome is Outcome.FAIL
    assert "the median error at sizes from 65 up is at least 10.00 %" in band.findings[0].reason


def test_a_band_of_the_domain_without_a_compared_size_is_ambiguous() -> None:
    bands = judged({30: (0.0, 0.0), 300: (0.0, 0.0)})
    assert bands["1-8"].outcome is Outcome.AMBIGUOUS
    assert [found.cause for found in bands["1-8"].findings] == [Cause.UNSEEN]
    assert bands["1-8"].n == 0


def test_a_band_that_the_domain_does_not_reach_into_is_not_judged() -> None:
    assert set(judged({3: (0.0, 0.0), 30: (0.0, 0.0)}, last=65)) == {"1-8", "9-64"}


@pytest.mark.parametrize(
    ("error", "disturbed", "outcome"),
    [
        (0.01, {10}, Outcome.PASS),
        (0.01, {10, 20}, Outcome.AMBIGUOUS),
        (0.4, {10, 20}, Outcome.FAIL),
    ],
)
def test_a_band_most_of_whose_sizes_were_disturbed_cannot_pass(
    error: float, disturbed: set[int], outcome: Outcome
) -> None:
    inside: Sizes = {size: (error, 0.01) for size in (10, 20, 30)}
    bands = judged({3: (0.01, 0.01), **inside, 300: (0.01, 0.01)}, disturbed=disturbed)
    assert bands["9-64"].outcome is outcome
    assert bands["1-8"].outcome is bands["65+"].outcome is Outcome.PASS
    reasons = [found.reason for found in bands["9-64"].findings]
    told = "most sizes from 9 to 64 were measured while the machine was not quiet" in reasons
    assert told is (len(disturbed) > 1)
