"""Damaged recordings are left out, each with its reason and the way out; the others stay."""

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from moeprof.store.recorded.held import Held, read_recordings
from moeprof.store.recorded.units import RECORDING_FILE
from moeprof.store.recording import Failure, Recording, sha256_of
from moeprof.store.run import Run


@pytest.fixture
def run(tmp_path: Path, recording: Recording) -> Run:
    """Give a run with two recordings, `sound` and `other`, each with a raw file."""
    run = Run(tmp_path / "run")
    for visit, unit in enumerate(("sound", "other")):
        timing = replace(recording.served[0], visit=visit)
        raw = run.unit("cpu", unit) / "raw.csv"
        raw.parent.mkdir(parents=True)
        raw.write_text(unit)
        files = {"raw.csv": sha256_of(raw)}
        run.keep(replace(recording, unit=unit, served=(timing,), files=files))
    return run


def _held(run: Run) -> Held:
    return read_recordings(run.folder / "raw", raw_files=True)


def _refuse_reading(path: Path) -> None:
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("root may read every file")


def _loop(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.name)


def _pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _link(to: str) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        shutil.rmtree(path)
        path.symlink_to(to)

    return make


def _write(text: str) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        path.write_text(text)

    return write


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


DAMAGES: dict[str, tuple[str, Callable[[Path], None]]] = {
    "empty": (RECORDING_FILE, _write("")),
    "truncated": (RECORDING_FILE, _cut),
    "of another schema": (RECORDING_FILE, _write('{"schema": "x/1.0"}')),
    "without right": (RECORDING_FILE, _refuse_reading),
    "a loop": (RECORDING_FILE, _loop),
    "a pipe": (RECORDING_FILE, _pipe),
    "a folder": (RECORDING_FILE, _folder),
    "raw file missing": ("raw.csv", Path.unlink),
    "raw file changed": ("raw.csv", _write("changed")),
    "raw file a loop": ("raw.csv", _loop),
    "raw file a pipe": ("raw.csv", _pipe),
    "raw file a folder": ("raw.csv", _folder),
    "raw file without right": ("raw.csv", _refuse_reading),
    "unit without right": (".", _refuse_reading),
    "unit is a loop": (".", _link("other")),
    "unit is elsewhere": (".", _link("/none/such")),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_recording_is_left_out_alone(run: Run, damage: str) -> None:
    name, do_damage = DAMAGES[damage]
    do_damage(run.unit("cpu", "other") / name)
    held = _held(run)
    assert [folder.name for folder, _ in held.recordings] == ["sound"]
    (left_out,) = held.left_out
    assert left_out.folder == run.unit("cpu", "other")
    assert str(left_out.folder) in str(left_out)
    assert left_out.why.hint


def test_the_content_of_raw_files_is_read_only_on_request(run: Run) -> None:
    (run.unit("cpu", "other") / "raw.csv").write_text("changed")
    assert len(run.recordings()) == 2
    assert len(run.held(raw_files=True).recordings) == 1


def test_a_copy_under_another_name_does_not_count_twice(run: Run) -> None:
    copy = run.unit("cpu", "z-copy")
    shutil.copytree(run.unit("cpu", "sound"), copy)
    assert [one.folder for one in _held(run).left_out] == [copy]
    (copy / RECORDING_FILE).write_text(
        (copy / RECORDING_FILE).read_text().replace('"unit": "sound"', '"unit": "z-copy"')
    )
    (left_out,) = _held(run).left_out
    assert left_out.folder == copy
    assert "holds already" in left_out.why.message


def test_a_scenario_that_is_not_described_is_left_out(run: Run, recording: Recording) -> None:
    run.keep(replace(recording, failures=(Failure("gelu-b7-1024-fp32-cold", 0, "x"),)))
    (left_out,) = _held(run).left_out
    assert "'gelu-b7-1024-fp32-cold' without describing it" in left_out.why.message


@pytest.mark.parametrize("collector", ["nsys", "kineto", "ncu"])
def test_a_trace_that_its_recording_does_not_name_leaves_it_out(
    run: Run, recording: Recording, collector: str
) -> None:
    run.keep(replace(recording, collector=collector))
    (left_out,) = run.held().left_out
    assert "names 0 files that end in" in left_out.why.message
    assert "--resume" in left_out.why.hint


def _traced(run: Run, recording: Recording) -> Path:
    """Add a recording of nsys with its report and its export; return its folder."""
    folder = run.unit("nsys", "fc1.0")
    folder.mkdir(parents=True)
    files = {}
    for name in ("report.nsys-rep", "report.sqlite"):
        (folder / name).write_text(name)
        files[name] = sha256_of(folder / name)
    run.keep(replace(recording, collector="nsys", unit="fc1.0", files=files))
    return folder


def test_a_report_of_nsys_may_go_as_its_export_alone_is_read(
    run: Run, recording: Recording
) -> None:
    folder = _traced(run, recording)
    (folder / "report.nsys-rep").unlink()
    held = _held(run)
    assert (len(held.recordings), held.left_out) == (3, [])
    assert held.remarks == [
        f"{folder / 'report.nsys-rep'}: missing; its export is whole, and is read"
    ]
    (folder / "report.sqlite").unlink()
    assert [one.folder for one in _held(run).left_out] == [folder]


def test_a_report_of_nsys_that_is_another_one_leaves_the_recording_out(
    run: Run, recording: Recording
) -> None:
    folder = _traced(run, recording)
    (folder / "report.nsys-rep").write_text("another")
    assert [one.folder for one in _held(run).left_out] == [folder]


def test_what_was_not_finished_is_no_recording(run: Run) -> None:
    run.unit("cpu", "empty").mkdir()
    (run.unit("cpu", "half") / "raw.csv").parent.mkdir()
    (run.unit("cpu", "half") / "raw.csv").touch()
    (run.folder / "raw" / "notes.txt").touch()
    (run.unit("cpu", "notes.txt")).touch()
    held = _held(run)
    assert (len(held.recordings), len(held.left_out)) == (2, 0)
    (remark,) = held.remarks
    assert remark.startswith(f"{run.unit('cpu', 'empty')} and 1 more: no recording.json")
    assert run.held().remarks == ()  # as often as recordings are read, but for this once


def test_a_collector_whose_folder_cannot_be_listed_is_left_out(run: Run) -> None:
    other = run.folder / "raw" / "nsys"
    other.mkdir()
    _refuse_reading(other)
    held = _held(run)
    assert len(held.recordings) == 2
    assert [one.folder for one in held.left_out] == [other]
