"""One kind of step is fitted by every method, and the one that errs least predicts."""

from dataclasses import replace

import numpy as np
import pytest

from moeprof.costmodel.steptime.best_method import METHODS
from moeprof.costmodel.steptime.fit.step_fit import build_step_fit
from moeprof.costmodel.steptime.rows.serving_rows import ServingRows, columns_of
from moeprof.store.serving.step_time_model import Method
from moeprof.tests.costmodel.steptime.whole_models import many_deployments, rows_of, timed_rows


@pytest.fixture(scope="module")
def rows() -> ServingRows:
    """Four batches of sixteen deployments."""
    return timed_rows(rows_of(*many_deployments(), sizes=4))


def test_every_method_is_scored_and_the_best_predicts(rows: ServingRows) -> None:
    fit = build_step_fit(rows, None).fit
    assert set(fit.scores) == set(METHODS)
    assert fit.method == min(METHODS, key=lambda name: fit.scores[name].median) == "physics"
    assert all(score.rows == 64 for score in fit.scores.values())
    assert 1 < fit.factors["50"] < fit.factors["90"]
    assert (fit.rows, fit.configurations) == (64, 16)
    assert fit.gpus == ("A100-80GB", "B200", "H100", "H200")
    assert fit.engines == ("sglang", "vllm")
    assert set(fit.domain) == set(columns_of(rows))


def test_a_law_of_prefill_tokens_whatever_the_model_is_left_to_the_blackbox(
    rows: ServingRows,
) -> None:
    tokens = np.random.default_rng(0).uniform(0, 4000, len(rows))
    rows = replace(rows, steps=replace(rows.steps, prefill_tokens=tokens))
    rows = replace(rows, step_us=3000 + 5 * tokens)
    assert build_step_fit(rows, None).fit.method == "blackbox"


@pytest.mark.parametrize("method", METHODS)
def test_a_method_that_is_asked_for_predicts(rows: ServingRows, method: Method) -> None:
    fit = build_step_fit(rows.taken(np.flatnonzero(rows.gpu_names != "B200")), method).fit
    assert fit.method == method
    assert [name for name in METHODS if getattr(fit, name) is not None] == [method]
    assert set(fit.scores) == set(METHODS)
