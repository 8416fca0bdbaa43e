"""Steps that end well, hang, crash, exit and fail: what they had found stays."""

import json
from pathlib import Path

import pytest

from moeprof.pipeline.selftest.results import Facts, StepOutcome, StepResult
from moeprof.pipeline.selftest.schedule import STEPS
from moeprof.pipeline.selftest.step_process import StepRun, write_facts
from moeprof.tests.pipeline.conftest import Listener
from moeprof.tests.pipeline.selftest.step_programs import (
    CRASHES,
    DONE,
    EXITS,
    FACTS,
    FAILED,
    HANGS,
    SKIPPED,
    programs,
)

STEP = STEPS[0]
FOUND = {"device": "cpu", "device_name": "a CPU"}
POINTS = 'tell({"point": ["cpu", "fc1", 4, 1, 9]})\ntell({"notice": "a fact for the log"})\n'


def run(
    folder: Path, text: str, listener: Listener, limit_s: float = 30.0
) -> tuple[StepResult, Facts]:
    facts: Facts = {}
    started = StepRun(STEP, folder, limit_s, listener, facts, programs(text))
    return started.run(), facts


@pytest.mark.parametrize(
    ("text", "outcome", "reason"),
    [
        (DONE, StepOutcome.DONE, None),
        (FACTS + SKIPPED, StepOutcome.SKIPPED, "there is no GPU"),
        (FACTS + FAILED, StepOutcome.FAILED, "no curve in x"),
        (CRASHES, StepOutcome.FAILED, "the process ended with signal SIGSEGV"),
        (EXITS, StepOutcome.FAILED, "the process ended with exit code 7: CUDA error at op.py"),
        (FACTS, StepOutcome.FAILED, "the process ended with exit code 0"),
    ],
)
def test_how_it_ended_is_said_and_its_facts_stay(
    tmp_path: Path, listener: Listener, text: str, outcome: StepOutcome, reason: str | None
) -> None:
    result, facts = run(tmp_path, text, listener)
    assert (result.outcome, result.reason) == (outcome, reason)
    assert facts == FOUND
    assert json.loads((tmp_path / "results" / "doctor.json").read_text()) == FOUND


def test_one_that_hangs_is_ended_at_its_limit(tmp_path: Path, listener: Listener) -> None:
    result, facts = run(tmp_path, HANGS, listener, limit_s=3.0)
    assert (result.outcome, result.reason) == (StepOutcome.FAILED, "no end within 3 s")
    assert facts == FOUND


def test_what_it_prints_is_kept_and_shareable(tmp_path: Path, listener: Listener) -> None:
    run(tmp_path, EXITS, listener)
    assert (tmp_path / "logs" / "doctor.log").read_text() == "CUDA error at op.py"


def test_progress_is_passed_on(tmp_path: Path, listener: Listener) -> None:
    warns = 'tell({"warning": "no room in /home/ann/runs"})\n'
    run(tmp_path, POINTS + warns + 'tell({"end": [9, 9]})\n' + DONE, listener)
    assert listener.warnings == ["doctor: no room in runs"]
    assert (listener.points, listener.ended_after) == ([("fc1", 4)], 9)


def test_a_sweep_that_is_cut_off_ends_its_progress(tmp_path: Path, listener: Listener) -> None:
    run(tmp_path, POINTS + CRASHES, listener)
    assert (listener.points, listener.ended_after) == ([("fc1", 4)], 1)


def test_facts_lose_what_tells_of_the_machine(tmp_path: Path) -> None:
    write_facts(tmp_path, "sweep", {"warnings": ["no room in /home/ann/runs"], "n": [1, None]})
    written = json.loads((tmp_path / "results" / "sweep.json").read_text())
    assert written == {"warnings": ["no room in runs"], "n": [1, None]}
