"""Each split leaves a whole group out, and together they judge what can be judged once."""

from dataclasses import replace

import numpy as np
import pytest

from moeprof.costmodel.steptime.rows.serving_rows import ServingRows
from moeprof.pipeline.steptime.validation.splits import (
    LEFT_OUT,
    LeftOut,
    bundles_of,
    splits_of,
)
from moeprof.store.errors import BadInput
from moeprof.tests.costmodel.steptime.whole_models import many_deployments, rows_of, timed_rows


@pytest.fixture
def rows() -> ServingRows:
    """Sixteen deployments, measured one after the other."""
    rows = timed_rows(rows_of(*many_deployments()))
    return replace(rows, time_s=np.arange(len(rows), dtype=np.float64))


@pytest.mark.parametrize("left_out", LEFT_OUT)
def test_no_row_is_judged_twice_or_by_a_fit_that_had_it(
    rows: ServingRows, left_out: LeftOut
) -> None:
    splits = splits_of(rows, left_out)
    tested = np.concatenate([split.tested for split in splits])
    assert len(np.unique(tested)) == len(tested)
    for split in splits:
        assert not np.isin(split.tested, split.training).any()


@pytest.mark.parametrize(
    ("left_out", "groups"),
    [
        ("model", ["deepseek-v3", "gemma-2-9b", "llama-3-8b", "mixtral-8x7b"]),
        ("ngpu", ["1 GPU", "2 GPUs"]),
        ("engine", ["sglang", "vllm"]),
        ("dense", ["MoE from dense"]),
        ("time", ["last 20 %"]),
    ],
)
def test_groups_are_named(rows: ServingRows, left_out: LeftOut, groups: list[str]) -> None:
    assert [split.group for split in splits_of(rows, left_out)] == groups


def test_folds_keep_configurations_whole(rows: ServingRows) -> None:
    splits = splits_of(rows, "configuration")
    assert len(splits) == 10
    for split in splits:
        shared = set(rows.configurations[split.tested]) & set(rows.configurations[split.training])
        assert not shared


def test_experts_are_predicted_from_dense_models_alone(rows: ServingRows) -> None:
    (split,) = splits_of(rows, "dense")
    assert rows.has_experts[split.tested].all()
    assert not rows.has_experts[split.training].any()


def test_the_last_rows_are_predicted_from_the_first(rows: ServingRows) -> None:
    (split,) = splits_of(rows, "time")
    assert rows.time_s[split.training].max() < rows.time_s[split.tested].min()
    assert len(split.tested) == 26


@pytest.mark.parametrize("left_out", LEFT_OUT)
def test_a_bundle_learns_from_no_group_that_it_tests(rows: ServingRows, left_out: LeftOut) -> None:
    splits = splits_of(rows, left_out)
    for bundle in bundles_of(rows, left_out):
        (split,) = bundle.splits
        assert split.group in {one.group for one in splits}
        assert bundle.others.tolist() == split.training.tolist()


def test_many_groups_are_dealt_out_to_ten_bundles(rows: ServingRows) -> None:
    names = tuple(f"model {at}" for at in range(len(rows.deployments)))
    renamed = tuple(
        replace(one, model=replace(one.model, name=name))
        for one, name in zip(rows.deployments, names, strict=True)
    )
    bundles = bundles_of(replace(rows, deployments=renamed), "model")
    assert len(bundles) == 10
    assert sorted(split.group for one in bundles for split in one.splits) == sorted(names)
    for bundle in bundles:
        tested = np.concatenate([split.tested for split in bundle.splits])
        assert not np.isin(tested, bundle.others).any()
        assert len(tested) + len(bundle.others) == len(rows)


@pytest.mark.parametrize("left_out", ["model", "gpu", "ngpu", "engine", "dense", "configuration"])
def test_where_all_rows_are_alike_there_is_nothing_to_leave_out(left_out: LeftOut) -> None:
    rows = timed_rows(rows_of(many_deployments()[0]))
    with pytest.raises(BadInput, match=f"no {left_out} to leave out"):
        splits_of(rows, left_out)


def test_rows_of_one_time_have_no_later_ones(rows: ServingRows) -> None:
    with pytest.raises(BadInput, match="all rows have one time, or none"):
        splits_of(replace(rows, time_s=np.full(len(rows), np.nan)), "time")
