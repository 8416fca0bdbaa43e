"""Rows are predicted by fits that lack their group, and what cannot be is told with its reason."""

from dataclasses import replace

import numpy as np
import pytest

from moeprof.costmodel.steptime.fit.step_model import fit_step_model
from moeprof.costmodel.steptime.fit.ties import choose_ties
from moeprof.costmodel.steptime.power import tdp_w
from moeprof.costmodel.steptime.rows.serving_rows import ServingRows
from moeprof.pipeline.steptime.validation.refits import Refits, _Kind, refit
from moeprof.pipeline.steptime.validation.splits import bundle_of, splits_of
from moeprof.store.errors import BadInput
from moeprof.tests.costmodel.steptime.whole_models import many_deployments, rows_of, timed_rows


@pytest.fixture(scope="module")
def rows() -> ServingRows:
    """Sixteen deployments at 60 % of the TDP."""
    rows = timed_rows(rows_of(*many_deployments(), sizes=4))
    return replace(rows, power_w=0.6 * tdp_w(rows))


def silent(name: str, done: int, total: int) -> None:
    """Nobody watches."""


@pytest.fixture(scope="module")
def by_gpu(rows: ServingRows) -> Refits:
    """Predictions of each type of GPU by fits without it."""
    return refit(rows, "gpu", silent)


def test_a_row_is_predicted_by_the_rows_of_other_groups(rows: ServingRows, by_gpu: Refits) -> None:
    assert [one.quantity for one in by_gpu.predicted] == [
        "mean step", "power at the measured step", "J/token at the predicted step",
    ]  # fmt: skip
    steps = by_gpu.predicted[0]
    at = steps.rows.gpu_names == "B200"
    without = rows.taken(np.flatnonzero(rows.gpu_names != "B200"))
    others = fit_step_model(without, choose_ties(without))
    assert steps.predicted[at] * 1e3 == pytest.approx(others.step_us(steps.rows)[at])
    assert all(one.factor is not None for one in by_gpu.predicted)
    assert sorted(steps.rows.name.tolist()) == sorted(rows.name.tolist())
    assert "too few" in by_gpu.unjudged["step that decodes alone"]


def test_groups_that_are_left_out_are_told_where_no_other_grouping_tells_them(
    rows: ServingRows, by_gpu: Refits
) -> None:
    steps = refit(rows, "engine", silent).predicted[0]
    assert steps.left_out is not None
    assert (steps.left_out == steps.rows.engines).all()
    assert by_gpu.predicted[0].left_out is None


def test_the_last_rows_in_time_are_not_split_again_and_undated_ones_are_told(
    rows: ServingRows,
) -> None:
    times = np.where(np.arange(len(rows)) < 8, np.nan, np.arange(len(rows), dtype=np.float64))
    found = refit(replace(rows, time_s=times), "time", silent)
    assert found.unjudged["mean step of rows without a time"] == "8 of 64 rows"
    steps = found.predicted[0]
    assert sorted(map(int, steps.rows.name)) == list(range(53, 64))
    assert set(steps.groupings()["time"].tolist()) == {""}


def test_progress_is_told_before_each_fit_and_at_the_end(rows: ServingRows) -> None:
    told: list[tuple[str, int, int]] = []
    refit(rows, "ngpu", lambda *said: told.append(said))
    assert told == [
        ("mean step: 1 GPU", 0, 2),
        ("mean step: 2 GPUs", 1, 2),
        ("done", 2, 2),
    ]


def test_a_group_without_which_too_few_rows_are_left_is_not_judged(rows: ServingRows) -> None:
    few = (rows.gpu_names == "H100") & (np.arange(len(rows)) % 2 == 0)
    some = rows.taken(np.flatnonzero((rows.gpu_names == "B200") | few | (rows.gpu_names == "H200")))
    found = refit(some, "gpu", silent)
    assert set(found.predicted[0].rows.gpu_names.tolist()) == {"H100"}
    assert found.unjudged["mean step of B200"].startswith("24 rows of 8 configurations")


def test_groups_of_a_bundle_without_which_too_few_rows_are_left_are_learnt_one_by_one(
    rows: ServingRows,
) -> None:
    kind = _Kind("mean", rows.taken(np.flatnonzero(rows.models != "llama-3-8b")), {})
    splits = splits_of(kind.rows, "model")
    kind.add(bundle_of(*splits))
    (steps, *_) = kind.predicted()
    assert sorted(np.unique(steps.rows.models)) == [split.group for split in splits]
    assert kind.unjudged == {}


def test_where_nothing_can_be_fitted_the_first_reason_is_told(rows: ServingRows) -> None:
    with pytest.raises(BadInput, match=r"no mean step can be predicted .*: 16 rows of 4"):
        refit(rows.taken(np.flatnonzero(rows.gpu_names == "B200")), "engine", silent)
