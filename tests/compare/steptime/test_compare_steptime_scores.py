"""Scores are those of hand-computed errors, with an interval where configurations allow one."""

import numpy as np
import pytest

from moeprof.compare.steptime.scores import scores_of
from moeprof.tests.compare.steptime.predictions import predictions


def test_all_rows_come_first_with_their_errors() -> None:
    predicted = predictions(spread=0.1, bias=-0.2)
    whole = scores_of(predicted)[0]
    ratio = predicted.predicted / predicted.measured
    assert (whole.by, whole.rows, whole.configurations) == ("all", 128, 16)
    assert whole.median.value == pytest.approx(np.median(np.abs(ratio - 1)))
    assert whole.p90.value == pytest.approx(np.quantile(np.abs(ratio - 1), 0.9))
    assert whole.bias.value == pytest.approx(np.median(ratio) - 1)
    assert whole.mae == pytest.approx(np.mean(np.abs(predicted.predicted - predicted.measured)))
    assert whole.baselines == {"roofline": pytest.approx(0.5)}
    assert whole.coverage is not None
    assert whole.coverage.value == pytest.approx(np.mean(np.abs(np.log(ratio)) <= np.log(1.3)))


def test_a_score_lies_within_its_interval() -> None:
    for score in scores_of(predictions(spread=0.2)):
        for one in (score.median, score.p90, score.bias):
            if one.low is not None and one.high is not None:
                assert one.low <= one.value <= one.high


def test_groups_of_few_configurations_have_no_interval_and_groups_add_up() -> None:
    scores = scores_of(predictions())
    by_gpu = [score for score in scores if score.by == "GPU"]
    assert [score.group for score in by_gpu] == ["A100-80GB", "B200", "H100", "H200"]
    assert {score.configurations for score in by_gpu} == {4}
    assert all(score.median.low is None for score in by_gpu)
    assert sum(score.rows for score in by_gpu) == 128


def test_without_an_interval_of_the_model_nothing_is_covered() -> None:
    assert scores_of(predictions(factor=None))[0].coverage is None
