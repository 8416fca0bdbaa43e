"""The conformal quantile is a corrected order statistic, None where the scores are too few."""

import numpy as np
import pytest

from moeprof.stats.conformal import COVERAGES_PCT, OF_95, conformal_quantile


@pytest.mark.parametrize(("percent", "rank"), [(50, 10), (80, 16), (90, 18), (95, 19)])
def test_of_19_scores_it_is_the_one_of_the_corrected_rank(percent: int, rank: int) -> None:
    assert conformal_quantile(np.arange(1.0, 20.0), percent) == rank


@pytest.mark.parametrize(("percent", "needed"), [(50, 1), (80, 4), (90, 9), (95, 19)])
def test_too_few_scores_have_none(percent: int, needed: int) -> None:
    assert conformal_quantile(np.zeros(needed - 1), percent) is None
    assert conformal_quantile(np.zeros(needed), percent) == 0.0


def test_a_new_score_is_covered_as_often_as_claimed() -> None:
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(2000):
        scores, new = np.sort(rng.exponential(size=24)), rng.exponential()
        quantile = conformal_quantile(scores, 90)
        assert quantile is not None
        covered += new <= quantile
    assert covered / 2000 == pytest.approx(0.92, abs=0.02)


def test_every_coverage_has_its_part_of_the_95_percent_half_width() -> None:
    assert tuple(OF_95) == COVERAGES_PCT
    assert sorted(OF_95.values()) == list(OF_95.values())
