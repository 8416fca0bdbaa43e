"""ncu: a process per point, and counters that are never times."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from moeprof.pipeline.parse import parse_run
from moeprof.profiler.budget.budget import Budget
from moeprof.profiler.collectors.ncu import NcuCollector
from moeprof.profiler.job import Job
from moeprof.store.document import write_document
from moeprof.store.recording import Recording
from moeprof.store.tables.parquet import read_table

MakeJob = Callable[..., Job]


@pytest.fixture
def fake_ncu(
    stand_in: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], None]:
    """Put the stand-in on PATH; the returned function names its failure."""
    stand_in("ncu")
    return lambda failure: monkeypatch.setenv("FAKE_NCU", failure)


def collect(job: Job) -> list[Recording]:
    recordings = list(NcuCollector().collect(job))
    write_document(job.run.plan_path, replace(job.plan, ops=(job.op_plan,), collectors=("ncu",)))
    for recording in recordings:
        job.run.keep(recording)
    return recordings


@pytest.mark.usefixtures("fake_ncu")
def test_each_planned_size_is_a_recording_with_its_page(make_job: MakeJob) -> None:
    job = make_job()
    recordings = collect(job)
    assert len(recordings) == 4
    assert all(set(one.files) == {"report.ncu-rep", "counters.csv"} for one in recordings)
    assert {one.tool_version for one in recordings} == {"2025.3.1"}
    parse_run(job.run)
    counters = read_table(job.run.table("counters"), "counters").to_pylist()
    assert {row["dram_read_bytes"] for row in counters} == {4096.0}
    assert len({row["scenario_key"] for row in counters}) == 4
    points = read_table(job.run.table("points"), "points").to_pylist()
    assert all(point["latency_us"] is None for point in points)


@pytest.mark.parametrize(
    ("failure", "reason"),
    [("no report", "ncu left no report"), ("no page", "ncu could not read its own report")],
)
def test_a_silent_failure_is_reported(
    fake_ncu: Callable[[str], None], make_job: MakeJob, failure: str, reason: str
) -> None:
    fake_ncu(failure)
    failures = [one for recording in collect(make_job()) for one in recording.failures]
    assert len(failures) == 4
    assert all(one.reason.startswith(reason) for one in failures)


def test_a_size_that_the_budget_ends_is_not_measured_and_has_not_failed(
    fake_ncu: Callable[[str], None], make_job: MakeJob
) -> None:
    fake_ncu("no report")  # as where it is ended
    job = make_job()
    ends = replace(job, on_point=lambda repeat: setattr(job.schedule, "budget", Budget(0.0)))
    assert collect(ends) == []
    assert len(job.schedule.unmeasured) == 4
    assert not job.run.unit(
        "ncu", job.schedule.scenario_of(job.schedule.unmeasured[0]).key
    ).exists()


@pytest.mark.usefixtures("fake_ncu")
def test_the_clocks_are_left_alone_and_the_first_call_is_profiled(make_job: MakeJob) -> None:
    (first, *_) = collect(make_job())
    assert "--clock-control=none" in first.command
    assert f"--nvtx-include={first.scenarios[0].key}#0.0/" in first.command


@pytest.mark.usefixtures("fake_ncu")
@pytest.mark.parametrize(
    ("l2", "control", "said"),
    [
        ("cold", "all", "ncu ran each kernel in 38 passes, caches cleared before each"),
        ("hot", "none", "ncu ran each kernel in 38 passes, caches as the pass before left them"),
    ],
)
def test_cold_counters_are_taken_with_cleared_caches(
    make_job: MakeJob, l2: str, control: str, said: str
) -> None:
    (first, *_) = collect(make_job(l2=l2))
    assert f"--cache-control={control}" in first.command
    assert first.warnings == (said,)


@pytest.mark.usefixtures("fake_ncu")
def test_it_needs_a_gpu() -> None:
    assert NcuCollector().probe("cuda:0").ok
    probe = NcuCollector().probe("cpu")
    assert (probe.ok, probe.evidence) == (
        False,
        "ncu reads GPU counters, and the device is the CPU",
    )


def test_without_ncu_the_probe_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert NcuCollector().probe("cuda:0").evidence == "no ncu on PATH"
