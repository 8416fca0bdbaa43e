"""A sweep: budget, order, resume, and what becomes of a kill at any moment."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from moeprof.pipeline.parse import parse_run
from moeprof.profiler.job import Job
from moeprof.store.document import write_document
from moeprof.store.errors import BadInput
from moeprof.store.plan import Plan
from moeprof.store.run import Run
from moeprof.tests.profiler.worlds import (
    PROVENANCE,
    Progress,
    a_plan,
    a_scenario,
    an_op_plan,
    sweep,
)

MakeJob = Callable[..., Job]


@pytest.fixture
def plan() -> Plan:
    return a_plan(sampling="adaptive", points_per_op=6, ops=(an_op_plan(),))


@pytest.fixture
def run(make_job: MakeJob, plan: Plan) -> Run:
    run = make_job().run
    write_document(run.plan_path, plan)
    return run


VISITS = 16  # 8 sizes twice


def recordings(run: Run) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in run.folder.glob("raw/cpu/*/recording.json")}


def test_every_point_is_a_recording_of_its_own(run: Run, plan: Plan) -> None:
    (summary,) = sweep(run, plan)
    assert (summary.measured, summary.recalled, summary.failures) == (VISITS, 0, [])
    assert len(recordings(run)) == VISITS
    assert all(recording.provenance == PROVENANCE for _, recording in run.recordings())


def test_progress_counts_up_to_the_total(run: Run, plan: Plan) -> None:
    progress = Progress()
    sweep(run, plan, progress=progress)
    assert [done for done, _ in progress.of("cpu")] == list(range(VISITS))
    assert all(done < total for done, total in progress.of("cpu"))
    assert progress.ended == progress.ended_of == VISITS


def test_resuming_a_finished_run_measures_nothing(run: Run, plan: Plan) -> None:
    sweep(run, plan)
    before = recordings(run)
    (summary,) = sweep(run, plan)
    assert (summary.measured, summary.recalled) == (0, VISITS)
    assert recordings(run) == before


def test_a_budget_that_is_spent_names_what_it_left(run: Run, plan: Plan) -> None:
    progress = Progress()
    (summary,) = sweep(run, replace(plan, budget_s=1e-9), progress=progress)
    assert progress.ended < progress.ended_of
    assert summary.measured == 0
    assert summary.unmeasured == [1, 5, 22, 30, 43, 64]
    (summary,) = sweep(run, plan)
    assert (summary.measured, summary.unmeasured) == (VISITS, [])


def test_what_failed_is_tried_again_on_resume(make_job: MakeJob, run: Run, plan: Plan) -> None:
    make_job("if tokens == 22: sys.exit(1)")
    (summary,) = sweep(run, plan)
    assert [failure.scenario_key for failure in summary.failures] == [a_scenario(22).key]
    make_job()
    (summary,) = sweep(run, plan)
    assert summary.failures == []
    assert a_scenario(22).key in {
        served.scenario_key for _, recording in run.recordings() for served in recording.served
    }


def test_another_machine_is_refused(run: Run, plan: Plan) -> None:
    sweep(run, plan)
    with pytest.raises(BadInput, match="one run holds one machine"):
        sweep(run, plan, replace(PROVENANCE, host_hash="another"))


# A sweep that kills itself when it is about to complete its n-th file.
KILLED = """
import os, signal, stat, sys
from pathlib import Path
from moeprof.store.run import Run
from moeprof.tests.profiler.worlds import sweep

left, sync = int(sys.argv[2]), os.fsync

def sync_or_die(descriptor):
    global left
    left -= stat.S_ISREG(os.fstat(descriptor).st_mode)
    if not left:
        os.kill(os.getpid(), signal.SIGKILL)
    sync(descriptor)

os.fsync = sync_or_die
run = Run(Path(sys.argv[1]))
sweep(run, run.plan())
"""


def test_killed_in_any_write_nothing_is_lost_and_nothing_is_done_twice(
    make_job: MakeJob, plan: Plan
) -> None:
    """A point that was recorded before a kill is the same file after all of them."""
    run = make_job().run
    write_document(run.plan_path, plan)
    kept: dict[Path, bytes] = {}
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2] / ".path")}
    for files, points in ((3, 1), (4, 4)):  # the first file is the provenance
        command = [sys.executable, "-c", KILLED, str(run.folder), str(files)]
        ended = subprocess.run(command, env=environment, check=False)
        assert ended.returncode == -signal.SIGKILL
        now = recordings(run)
        assert {path: now[path] for path in kept} == kept
        assert len(now) == points
        kept = now
    sweep(run, plan)
    whole = recordings(run)
    assert {path: whole[path] for path in kept} == kept
    assert len(whole) >= VISITS
    parse_run(run)


def _empty(unit: Path) -> None:
    (unit / "recording.json").write_bytes(b"")


def _copy(unit: Path) -> None:
    shutil.copytree(unit, unit.with_name("copy"))


@pytest.mark.parametrize(("damage", "name"), [(_empty, None), (_copy, "copy")])
def test_what_is_damaged_is_set_aside_and_measured_anew(
    run: Run, plan: Plan, damage: Callable[[Path], None], name: str | None
) -> None:
    sweep(run, plan)
    before = recordings(run)
    unit = min(before).parent
    damage(unit)
    progress = Progress()
    (summary,) = sweep(run, plan, progress=progress)
    assert bool(summary.measured) == (name is None)
    assert before.keys() <= recordings(run).keys()
    (warning,) = progress.warnings
    aside = run.folder / "damaged" / "cpu" / f"{name or unit.name}.1"
    assert str(aside) in warning
    assert (aside / "recording.json").exists()
    assert run.held(raw_files=True).left_out == []
