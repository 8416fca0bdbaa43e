"""Active experts are numbers, those of a plan, or the mean of a log; others are refused by name."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from moeprof.pipeline.steptime.given.active_experts import policy_experts
from moeprof.router import MetricsLogger, MetricsRow
from moeprof.store.errors import BadInput
from moeprof.tests.costmodel.steptime.whole_models import LLAMA_3_8B, MIXTRAL_8X7B

PLAN: dict[str, Any] = {
    "tokens": 16, "experts": 8, "top_k": 2,
    "own": {"active_experts": 7.9}, "planned": {"active_experts": 5.5},
}  # fmt: skip


def plan_file(folder: Path, **changed: Any) -> Path:
    """A plan as `moeprof route plan --json` prints it, as far as it is read."""
    path = folder / "plan.json"
    path.write_text(json.dumps(PLAN | changed))
    return path


def log_of(path: Path, rows: list[tuple[int, str, list[int]]]) -> Path:
    """A log of passes: tokens, strategy, assignments of each expert."""
    with MetricsLogger(path) as log:
        for tokens, strategy, counts in rows:
            log.log(MetricsRow(tokens=tokens, strategy=strategy, expert_counts=np.array(counts)))
    return path


def test_one_number_counts_for_all_batches_or_one_for_each() -> None:
    assert policy_experts("5.5", [4, 16], MIXTRAL_8X7B).active.tolist() == [5.5, 5.5]
    found = policy_experts("4,6", [4, 16], MIXTRAL_8X7B)
    assert (found.active.tolist(), found.own) == ([4, 6], None)


@pytest.mark.parametrize("words", ["4,6,7", "many", "", "nan", "inf"])
def test_what_is_no_number_for_each_batch_is_refused(words: str) -> None:
    with pytest.raises(BadInput, match="--active-experts is") as caught:
        policy_experts(words, [4, 16], MIXTRAL_8X7B)
    assert "route plan --json" in caught.value.hint


def test_a_plan_tells_both_routings(tmp_path: Path) -> None:
    found = policy_experts(str(plan_file(tmp_path)), [16], MIXTRAL_8X7B)
    assert found.own is not None
    assert (found.active.tolist(), found.own.tolist()) == ([5.5], [7.9])
    assert "plan.json" in found.origin


def test_a_plan_of_another_batch_or_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="is a plan for batches of 16 tokens, and --batch is 16,32"):
        policy_experts(str(plan_file(tmp_path)), [16, 32], MIXTRAL_8X7B)
    with pytest.raises(BadInput, match="is of 128 experts, 8 for each token, and mixtral-8x7b has"):
        policy_experts(str(plan_file(tmp_path, experts=128, top_k=8)), [16], MIXTRAL_8X7B)


@pytest.mark.parametrize(
    "text", ["[]", "{}", "no JSON", '{"tokens": 16}', '{"tokens": Infinity}', "[" * 100_000]
)
def test_another_file_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "other.json"
    path.write_text(text)
    with pytest.raises(BadInput, match="is neither a plan nor a log of the router"):
        policy_experts(str(path), [16], MIXTRAL_8X7B)


@pytest.mark.parametrize("experts", ["3", True, None])
def test_a_plan_whose_experts_are_no_number_is_refused(tmp_path: Path, experts: Any) -> None:
    path = plan_file(tmp_path, own={"active_experts": experts})
    with pytest.raises(BadInput, match="is neither a plan nor a log of the router"):
        policy_experts(str(path), [16], MIXTRAL_8X7B)


@pytest.mark.parametrize("name", ["metrics.csv", "metrics.parquet"])
def test_a_log_tells_the_mean_of_the_passes_of_each_batch(tmp_path: Path, name: str) -> None:
    path = log_of(
        tmp_path / name,
        [
            (4, "static_optimal", [4, 4, 0, 0, 0, 0, 0, 0]),
            (4, "static_optimal", [2, 2, 2, 2, 0, 0, 0, 0]),
            (8, "static_optimal", [4, 4, 4, 4, 0, 0, 0, 0]),
            (4, "baseline", [2, 1, 1, 1, 1, 1, 1, 0]),
        ],
    )
    found = policy_experts(str(path), [4], MIXTRAL_8X7B)
    assert found.own is not None
    assert (found.active.tolist(), found.own.tolist()) == ([3], [7])
    both = policy_experts(str(path), [4, 8], MIXTRAL_8X7B)
    assert (both.active.tolist(), both.own) == ([3, 4], None)


def test_a_log_without_the_batch_or_of_other_experts_is_refused(tmp_path: Path) -> None:
    path = log_of(tmp_path / "metrics.csv", [(4, "static_optimal", [4, 4, 0, 0, 0, 0, 0, 0])])
    with pytest.raises(BadInput, match="has no pass of 16 tokens by a policy; it has 4"):
        policy_experts(str(path), [16], MIXTRAL_8X7B)
    other = log_of(tmp_path / "other.csv", [(4, "static_optimal", [4, 4])])
    with pytest.raises(BadInput, match="is of 2 experts, and mixtral-8x7b has 8"):
        policy_experts(str(other), [4], MIXTRAL_8X7B)


def test_cells_that_are_no_numbers_are_named(tmp_path: Path) -> None:
    path = log_of(tmp_path / "metrics.csv", [(4, "static_optimal", [4, 4, 0, 0, 0, 0, 0, 0])])
    path.write_text(path.read_text().replace("4 4 0", "4 x 0"))
    with pytest.raises(BadInput, match="has expert_counts of '4 x 0 0 0 0 0 0'"):
        policy_experts(str(path), [4], MIXTRAL_8X7B)


def test_a_dense_model_is_left_to_the_prediction_to_refuse(tmp_path: Path) -> None:
    assert policy_experts(str(plan_file(tmp_path)), [16], LLAMA_3_8B).active.tolist() == [5.5]
