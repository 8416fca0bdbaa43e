"""One digest over a plan and its recordings, by content and never by time."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from moeprof.store.document import write_document
from moeprof.store.plan import Plan
from moeprof.store.recorded.sources import sources_sha256
from moeprof.store.recording import Recording
from moeprof.store.run import Run


@pytest.fixture
def run(tmp_path: Path, plan: Plan, recording: Recording) -> Run:
    run = Run(tmp_path / "run")
    write_document(run.plan_path, plan)
    run.keep(recording)
    return run


def test_times_places_and_other_files_do_not_change_it(run: Run, tmp_path: Path) -> None:
    before = sources_sha256(run.folder)
    for path in run.folder.rglob("*"):
        os.utime(path, (1, 1))
    run.unit("cpu", "unfinished").mkdir()
    run.report_path.touch()
    moved = run.folder.rename(tmp_path / "moved")
    assert sources_sha256(moved) == before


def test_a_recording_or_plan_that_changed_changes_it(
    run: Run, plan: Plan, recording: Recording
) -> None:
    seen = {sources_sha256(run.folder)}
    unit = run.unit("cpu", recording.unit)
    run.keep(replace(recording, unit="another"))
    seen.add(sources_sha256(run.folder))
    unit.rename(unit.with_name("renamed"))
    seen.add(sources_sha256(run.folder))
    (unit.with_name("renamed") / "recording.json").write_bytes(b"")
    seen.add(sources_sha256(run.folder))
    write_document(run.plan_path, replace(plan, seed=1))
    seen.add(sources_sha256(run.folder))
    assert len(seen) == 5
