"""nsys: what it wrote is checked, not what it returned."""

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from moeprof.profiler.nsys import Nsys, NsysCollector
from moeprof.profiler.serving import Job
from moeprof.store.recording import Recording

MakeJob = Callable[..., Job]


@pytest.fixture
def fake_nsys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Put the stand-in on PATH; the returned function names its failure."""
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / "nsys"
    program.write_text(
        f'#!/bin/sh\nexec {sys.executable} {Path(__file__).parent}/fake_nsys.py "$@"\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return lambda failure: monkeypatch.setenv("FAKE_NSYS", failure)


def collect(job: Job) -> list[Recording]:
    return list(NsysCollector().collect(job))


@pytest.mark.usefixtures("fake_nsys")
def test_an_operation_is_one_recording_with_its_report(make_job: MakeJob) -> None:
    (recording,) = collect(make_job())
    assert recording.unit == "gelu.0"
    assert len(recording.served) == 4
    assert recording.failures == ()
    assert set(recording.files) == {"report.nsys-rep", "report.sqlite"}
    assert (recording.tool, recording.tool_version) == ("nsys", "2024.2.3.38-stand-in")


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        ("no importer", "its importer is missing"),
        ("no report", "nsys left no report"),
        ("no ranges", "0 of 2 ranges are in the trace"),
        ("drops a range", "1 of 2 ranges are in the trace"),
        ("export fails", "could not export its report: Report was created in a version newer"),
    ],
)
def test_a_silent_failure_is_told(
    fake_nsys: Callable[[str], None], make_job: MakeJob, failure: str, reason: str
) -> None:
    fake_nsys(failure)
    (recording,) = collect(make_job())
    assert recording.served == ()
    assert len(recording.failures) == 4
    assert all(reason in one.reason for one in recording.failures)


@pytest.mark.usefixtures("fake_nsys")
def test_a_crash_keeps_what_was_traced_before_it(make_job: MakeJob) -> None:
    recordings = collect(make_job("if tokens == 2: os._exit(3)"))
    assert sum(len(recording.served) for recording in recordings) == 3
    (failure,) = [failure for recording in recordings for failure in recording.failures]
    assert "-b2-" in failure.scenario_key


@pytest.mark.usefixtures("fake_nsys")
def test_what_an_interrupted_sweep_left_is_cleared(make_job: MakeJob) -> None:
    job = make_job()
    stale = job.run.unit("nsys", "gelu.0") / "report.nsys-rep"
    stale.parent.mkdir(parents=True)
    stale.write_text("[]")
    (recording,) = collect(job)
    assert len(recording.served) == 4


@pytest.mark.usefixtures("fake_nsys")
def test_point_isolation_makes_a_report_per_point(make_job: MakeJob) -> None:
    recordings = collect(make_job(isolation="point"))
    assert sorted(recording.unit for recording in recordings) == [
        f"gelu-b{size}-64-fp32-cold@0" for size in (1, 2, 3, 4)
    ]


@pytest.mark.usefixtures("fake_nsys")
def test_flags_are_those_that_this_nsys_knows(tmp_path: Path) -> None:
    path = shutil.which("nsys")
    assert path is not None
    on_cpu = Nsys(path).profile(tmp_path / "r.nsys-rep", "cpu", None)
    assert "--trace=nvtx" in on_cpu
    on_gpu = Nsys(path).profile(tmp_path / "r.nsys-rep", "cuda:0", None)
    assert "--trace=cuda,nvtx" in on_gpu
    assert "--cuda-graph-trace=node" in on_gpu


def test_without_nsys_the_probe_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    probe = NsysCollector().probe("cpu")
    assert (probe.ok, probe.evidence) == (False, "no nsys on PATH")
