"""Recordings made fit to be shared, before anything is made from them."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from moeprof.pipeline.selftest.sharing import is_shareable, share_recordings
from moeprof.store.errors import BadInput
from moeprof.store.recording import Recording, sha256_of
from moeprof.store.run import Run
from moeprof.tests.parsers.kineto.chrome_trace import annotation, kernel, launch, write_trace

SECRET = "hunter2-at-secret-host"
PAGE = (
    '"ID","Process ID","Process Name","Host Name","Kernel Name","gpu__time_duration.sum"\n'
    f'"","","","","","ns"\n"0","77","{SECRET}","{SECRET}","gelu","1,234"\n'
)

MakeRecording = Callable[..., Recording]


def keep(run: Run, made: Recording, **files: bytes) -> Path:
    """Keep a recording with some more raw files; names have _ in place of the first dot."""
    folder = run.unit(made.collector, made.unit)
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name.replace("_", ".", 1)).write_bytes(content)
    names = [path.name for path in folder.iterdir()]
    run.keep(replace(made, files={name: sha256_of(folder / name) for name in names}))
    return folder


@pytest.fixture
def traced(tmp_path: Path, recording: MakeRecording) -> tuple[Run, Path]:
    """Give a run with a trace that names a host, and the folder of its recording."""
    run = Run(tmp_path / "run")
    folder = run.unit("kineto", "gelu.0")
    folder.mkdir(parents=True)
    events = [annotation("x", 0, 50), launch(1, 5), kernel(10, 3, 5)]
    write_trace(folder / "trace.json.gz", events, traceName=SECRET, host=SECRET)
    return run, keep(run, recording(collector="kineto"))


def only_recording(run: Run) -> Recording:
    held = run.held(raw_files=True)
    assert held.left_out == []
    ((_, found),) = held.recordings
    return found


def test_a_trace_is_replaced_by_its_scrubbed_copy(traced: tuple[Run, Path]) -> None:
    run, folder = traced
    share_recordings(run)
    assert set(only_recording(run).files) == {"trace.scrubbed.json.gz"}
    assert not (folder / "trace.json.gz").exists()
    assert all(is_shareable(path.name) for path in folder.iterdir())


def test_what_is_shareable_already_is_left_alone(traced: tuple[Run, Path]) -> None:
    run, _ = traced
    share_recordings(run)
    before = run.sources_sha256()
    share_recordings(run)
    assert run.sources_sha256() == before


def test_reports_that_nobody_reads_are_removed(tmp_path: Path, recording: MakeRecording) -> None:
    run = Run(tmp_path / "run")
    made = recording(collector="ncu", unit="gelu-b4")
    folder = keep(run, made, **{"report_ncu-rep": b"NVR\0", "counters_csv": PAGE.encode()})
    share_recordings(run)
    assert set(only_recording(run).files) == {"counters.scrubbed.csv"}
    assert not (folder / "report.ncu-rep").exists()
    assert SECRET not in (folder / "counters.scrubbed.csv").read_text()


def test_a_power_log_holds_nothing_to_be_scrubbed(tmp_path: Path, recording: MakeRecording) -> None:
    run = Run(tmp_path / "run")
    folder = keep(run, recording(collector="power"), power_csv=b"# {}\n")
    share_recordings(run)
    assert (folder / "power.csv").read_bytes() == b"# {}\n"


def test_a_trace_that_cannot_be_read_is_refused_and_stays(
    traced: tuple[Run, Path],
) -> None:
    run, folder = traced
    (folder / "trace.json.gz").write_bytes(b"\x1f\x8b cut")
    with pytest.raises(BadInput):
        share_recordings(run)
    assert (folder / "trace.json.gz").exists()
    assert not is_shareable("trace.json.gz")
