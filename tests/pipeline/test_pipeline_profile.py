"""Planning, measuring and resuming as functions: one small run, and what they refuse."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from moeprof.pipeline.profile import ProfileResult, RunOptions, plan_run, profile, resume
from moeprof.profiler.schedule.op_summary import OpSummary
from moeprof.store.errors import BadInput
from moeprof.store.run import Run
from moeprof.tests.conftest import quick_points
from moeprof.tests.pipeline.conftest import Listener

SMALL = RunOptions(
    ops="relu", batch_sizes="1,2,4", preset="small", device="cpu", sampling="all", power=False
)


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ProfileResult, Listener]]:
    listener = Listener()
    with quick_points():
        result = profile(SMALL, store=tmp_path_factory.mktemp("store"), progress=listener)
        yield result, listener


def test_a_plan_is_estimated_and_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, listener: Listener
) -> None:
    monkeypatch.chdir(tmp_path)
    estimate = plan_run(SMALL, progress=listener)
    assert [op.domain for op in estimate.plan.ops] == [(1, 2, 4)]
    assert estimate.total_s > 0
    assert (estimate.power_s, estimate.thermal_step_s) == (0, 0)
    assert len(estimate.warnings) == 1  # too few sizes for a verdict
    assert [text.partition(":")[0] for text in listener.notices] == [
        "device", "collector", "energy", "quiet",
    ]  # fmt: skip
    assert estimate.surroundings is not None
    assert estimate.surroundings.load_average == 0
    assert list(tmp_path.iterdir()) == []


def test_a_run_is_measured_and_its_progress_is_reported(
    measured: tuple[ProfileResult, Listener],
) -> None:
    result, listener = measured
    (op,) = result.ops
    assert (op.op, op.measured) == ("relu", 6)
    assert (result.budget_spent, result.has_points) == (False, True)
    assert Run(result.folder).plan().run_id == result.folder.name
    assert {*listener.points} == {("relu", 1), ("relu", 2), ("relu", 4)}
    assert listener.ended_after == 6
    assert listener.notices[-1] == f"run: {result.folder}"
    assert len(listener.warnings) == 1


def test_a_finished_run_is_resumed_by_its_path(measured: tuple[ProfileResult, Listener]) -> None:
    again = resume(str(measured[0].folder), SMALL)
    (op,) = again.ops
    assert (op.measured, op.recalled) == (0, 6)


def test_an_option_that_contradicts_the_plan_is_refused(
    measured: tuple[ProfileResult, Listener],
) -> None:
    folder = measured[0].folder
    with pytest.raises(BadInput, match="--seed is '3'") as caught:
        resume(folder, RunOptions(seed=3))
    assert "--seed" in caught.value.hint


def test_a_result_says_what_is_lacking() -> None:
    spent = ProfileResult(Path(), (OpSummary("relu", "cpu", measured=1, unmeasured=[4]),), ())
    assert spent.budget_spent
    assert spent.has_points
    nothing = ProfileResult(Path(), (OpSummary("relu", "cpu"),), ())
    assert not nothing.budget_spent
    assert not nothing.has_points
