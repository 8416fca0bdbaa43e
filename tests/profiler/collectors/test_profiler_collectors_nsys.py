"""nsys: what it wrote is checked, not what it returned."""

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from moeprof.pipeline.parse import parse_run
from moeprof.profiler.collectors.nsys import NO_NVTX, Nsys, NsysCollector
from moeprof.profiler.collectors.traced import TraceFault
from moeprof.profiler.job import Job
from moeprof.profiler.schedule.schedule import Schedule
from moeprof.scenarios.catalogue import find_ops
from moeprof.scenarios.preset import load_preset
from moeprof.scenarios.script import render_script
from moeprof.store.document import write_document
from moeprof.store.files import write_whole
from moeprof.store.recording import Recording
from moeprof.store.run import Run
from moeprof.store.tables.parquet import read_table
from moeprof.tests.builders import plan_run
from moeprof.tests.profiler.worlds import PROVENANCE

MakeJob = Callable[..., Job]
OURS = ("scripts/", "--output=raw/")  # paths within the run


@pytest.fixture
def fake_nsys(
    stand_in: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], None]:
    """Put the stand-in on PATH; the returned function names its failure."""
    stand_in("nsys")
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
    assert recording.command[0] == "nsys"
    assert not [word for word in recording.command if "/" in word and not word.startswith(OURS)]


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
def test_a_silent_failure_is_reported(
    fake_nsys: Callable[[str], None], make_job: MakeJob, failure: str, reason: str
) -> None:
    fake_nsys(failure)
    (recording,) = collect(make_job())
    assert recording.served == ()
    assert len(recording.failures) == 4
    assert all(reason in one.reason for one in recording.failures)


def executable(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def test_a_capture_that_nsys_left_is_imported_by_the_importer_beside_it(tmp_path: Path) -> None:
    nsys = executable(tmp_path / "target-linux-x64" / "nsys", 'echo made > "${4#--output=}"')
    executable(tmp_path / "host-linux-x64" / "QdstrmImporter", 'cp "$2" "$4"')
    (tmp_path / "report.qdstrm").write_text("a capture")
    report, sqlite = tmp_path / "report.nsys-rep", tmp_path / "report.sqlite"
    Nsys(str(nsys)).export(report, sqlite)
    assert (report.read_text(), sqlite.read_text()) == ("a capture", "made\n")
    assert not (tmp_path / "report.qdstrm").exists()


def test_an_importer_that_fails_is_quoted(tmp_path: Path) -> None:
    nsys = executable(tmp_path / "target-linux-x64" / "nsys", "exit 1")
    executable(tmp_path / "host-linux-x64" / "QdstrmImporter", "echo no space left >&2; exit 1")
    (tmp_path / "report.qdstrm").write_text("a capture")
    with pytest.raises(TraceFault, match="could not import its own capture: no space left"):
        Nsys(str(nsys)).export(tmp_path / "report.nsys-rep", tmp_path / "report.sqlite")


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


@pytest.mark.usefixtures("fake_nsys")
def test_a_cpu_needs_the_package_nvtx_and_a_gpu_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "nvtx", None)
    probe = NsysCollector().probe("cpu")
    assert (probe.ok, probe.evidence) == (False, NO_NVTX)
    assert NsysCollector().probe("cuda:0").ok


@pytest.mark.skipif(shutil.which("nsys") is None, reason="no nsys on PATH")
def test_a_real_nsys_records_the_ranges_of_a_cpu(tmp_path: Path) -> None:
    """The whole way: a real script of the catalogue under a real nsys, to points."""
    operation = find_ops("relu")
    preset = load_preset("small")
    plan = plan_run(
        operation, (1, 2, 3, 4, 5, 6, 7, 8), preset, collectors=("nsys",), points_per_op=4
    )
    run = Run(tmp_path)
    (op_plan,) = plan.ops
    write_whole(run.script("relu"), render_script(operation[0].operation, preset, plan, op_plan, 1))
    write_document(run.plan_path, plan)
    schedule = Schedule(
        plan, op_plan, lambda size: operation[0].operation.scenario(preset, size, "float32", "cold")
    )
    job = Job(run, plan, op_plan, schedule, PROVENANCE, lambda repeat: None)
    for recording in NsysCollector().collect(job):
        assert recording.failures == ()
        run.keep(recording)
    assert not parse_run(run).warnings
    points = read_table(run.table("points"), "points").to_pylist()
    assert {point["role"] for point in points} == {"fit", "holdout"}
    assert all(point["latency_us"] > 0 for point in points)
    assert all(point["latency_source"] == "wall" for point in points)


def test_an_nsys_that_hangs_is_asked_once(tmp_path: Path) -> None:
    asked = tmp_path / "asked"
    path = executable(tmp_path / "bin" / "nsys", f"echo >> {asked}\nexec sleep 60")
    nsys = Nsys(str(path), answer_s=0.5)
    assert (nsys.hangs, nsys.version) == ("", "unknown")
    assert nsys.hangs == "nsys --version: no answer within 0.5 s"
    assert (nsys.version, nsys.export_help) == ("unknown", "")
    with pytest.raises(TraceFault, match="--version: no answer"):
        nsys.export(tmp_path / "report.nsys-rep", tmp_path / "report.sqlite")
    assert asked.read_text() == "\n"
