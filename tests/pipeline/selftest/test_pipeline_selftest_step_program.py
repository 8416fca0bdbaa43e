"""The program of a step, as it is run."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from moeprof.pipeline.selftest import step_program
from moeprof.pipeline.selftest.results import StepOutcome
from moeprof.pipeline.selftest.schedule import STEPS
from moeprof.pipeline.selftest.step_process import StepRun
from moeprof.pipeline.selftest.steps import idle, sweep
from moeprof.pipeline.selftest.work import StepFailed, Work
from moeprof.profiler.lock import SweepRunning
from moeprof.profiler.process.line_process import ProcessEnded
from moeprof.store.errors import BadInput, CannotMeasure
from moeprof.tests.pipeline.conftest import Listener

IDLE = next(step for step in STEPS if step.name == "idle")


def test_the_real_program_of_a_step_is_found_and_tells_its_end(
    tmp_path: Path, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    result = StepRun(IDLE, tmp_path, 120.0, listener, {}).run()
    assert (result.outcome, result.reason) == (
        StepOutcome.SKIPPED,
        "there is no GPU, and NVML measures no CPU",
    )


def test_a_step_on_another_device_than_the_first_does_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a GPU is lost, torch finds the CPU, and a sweep of that would pass for the GPU's."""
    monkeypatch.setattr(step_program, "choose_device", lambda name: "cpu")
    monkeypatch.setattr(idle, "watch_idle", lambda work: {"power_w": 76.0})
    (told,) = _told_by("idle", tmp_path, monkeypatch, "cuda:0")
    assert told["outcome"] == "failed"
    assert "cuda:0" in told["reason"]
    assert _told_by("idle", tmp_path, monkeypatch, "cpu")[-1]["outcome"] == "done"


@pytest.mark.parametrize(
    ("raised", "outcome", "reason"),
    [
        (None, "done", None),
        (CannotMeasure("no ncu on PATH"), "skipped", "no ncu on PATH"),
        (SweepRunning("another sweep is measuring"), "skipped", "another sweep is measuring"),
        (BadInput("no curve"), "failed", "no curve"),
        (StepFailed("ncu left no report"), "failed", "ncu left no report"),
        (ProcessEnded("signal SIGSEGV"), "failed", "signal SIGSEGV"),
        (ValueError("bug"), "failed", "ValueError: bug"),
    ],
)
def test_what_a_step_raises_is_its_outcome(
    raised: Exception | None,
    outcome: str,
    reason: str | None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def watch(work: Work) -> dict[str, float]:
        if raised is not None:
            raise raised
        return {"power_w": 76.0}

    monkeypatch.setattr(idle, "watch_idle", watch)
    told = _told_by("idle", tmp_path, monkeypatch)
    assert told[-1] == {"outcome": outcome, "reason": reason}
    assert told[:-1] == ([{"facts": {"power_w": 76.0}}] if raised is None else [])


def test_numbers_of_numpy_and_paths_are_told_plainly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import numpy as np

    facts = {"took_s": np.float64(1.5), "points": np.int64(3), "run": Path("a/b")}
    monkeypatch.setattr(sweep, "sweep", lambda work: facts)
    told = _told_by("sweep", tmp_path, monkeypatch)
    assert told[0] == {"facts": {"took_s": 1.5, "points": 3, "run": "a/b"}}


def test_a_warning_is_told_and_stands_in_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def warn(work: Work) -> dict[str, float]:
        work.warning("not quiet")
        return {}

    monkeypatch.setattr(idle, "watch_idle", warn)
    assert _told_by("idle", tmp_path, monkeypatch)[0] == {"warning": "not quiet"}
    assert capsys.readouterr().err == "warning: not quiet\n"


def _told_by(
    step: str, folder: Path, monkeypatch: pytest.MonkeyPatch, device: str | None = None
) -> list[dict[str, Any]]:
    """Run the program's function in this process; return what it wrote to its socket."""
    with (folder / "answers").open("wb") as file:
        monkeypatch.setenv("MOEPROF_ANSWERS_FD", str(file.fileno()))
        step_program.main(step, folder, 60.0, device)
    sys.stderr.flush()
    return [json.loads(line) for line in (folder / "answers").read_text().splitlines()]
