"""The sweep's step: what it asks for, and a real one of the CPU."""

from pathlib import Path

import pytest

from moeprof.pipeline.profile import OpSummary, ProfileResult, RunOptions
from moeprof.pipeline.selftest.steps import sweep
from moeprof.pipeline.selftest.steps.model import fit_model
from moeprof.pipeline.selftest.steps.sweep import sweep as run_sweep
from moeprof.pipeline.selftest.steps.verdict import judge_model
from moeprof.tests.pipeline.selftest.steps.told import work_in


@pytest.mark.parametrize(
    ("device", "collector", "left_s", "budget_s"),
    [("cpu", "cpu", 10.0, 5.0), ("cpu", "cpu", 60.0, 40.0), ("cuda:0", "kineto", 200.0, 160.0)],
)
def test_it_asks_for_three_operations_within_its_time(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    device: str,
    collector: str,
    left_s: float,
    budget_s: float,
) -> None:
    asked: list[tuple[RunOptions, Path]] = []

    def profile(options: RunOptions, *, store: Path, progress: object) -> ProfileResult:
        asked.append((options, store))
        return ProfileResult(store / "run", (OpSummary("fc1", collector, measured=4),), ("busy",))

    monkeypatch.setattr(sweep, "choose_device", lambda name: device)
    monkeypatch.setattr(sweep, "profile", profile)
    work, told = work_in(tmp_path, seconds=left_s)
    found = run_sweep(work)
    ((options, store),) = asked
    assert (options.ops, options.collectors) == ("fc1,dequant_linear,topk", collector)
    assert options.budget_s == pytest.approx(budget_s, abs=1)
    assert store == tmp_path / "runs"
    assert "took_s" not in told.facts[0]
    assert (found["run"], found["warnings"], found["took_s"]) == ("run", ["busy"], None)
    assert found["summaries"][0]["measured"] == 4


@pytest.mark.usefixtures("quickly")
def test_a_sweep_of_the_cpu_becomes_a_model_with_a_verdict(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep, "choose_device", lambda name: "cpu")
    monkeypatch.setattr(sweep, "OPS", "relu")
    work, told = work_in(tmp_path)
    measured = run_sweep(work)
    assert 0 < measured["took_s"]
    assert told.points
    modelled = fit_model(work)
    assert [curve["op"] for curve in modelled["curves"]] == ["relu"]
    assert (modelled["failed_points"], modelled["loads"]) == ([], 0)
    judged = judge_model(work)
    assert [(one["op"], one["metric"]) for one in judged["curves"]] == [("relu", "latency")]
    assert judged["outcome"] in ("PASS", "FAIL", "AMBIGUOUS")
