"""What `moeprof profile` says at its end: what is lacking, and the way out."""

from pathlib import Path

import pytest

from moeprof.cli.profile.output import show_result
from moeprof.pipeline.profile import ProfileResult
from moeprof.profiler.schedule.op_summary import OpSummary

FOLDER = Path("runs/today")
WAY_OUT = "go on with: moeprof profile runs/today --resume"


def result(summary: OpSummary) -> ProfileResult:
    return ProfileResult(FOLDER, (summary,), ())


def test_sizes_that_no_repeat_confirms_are_told_with_the_way_out(
    capsys: pytest.CaptureFixture[str],
) -> None:
    summary = OpSummary("fc1", "cpu", measured=25, measured_once=[4, 8])
    assert show_result(result(summary), json=False) == 0
    out, err = capsys.readouterr()
    assert out.splitlines()[2].split() == ["fc1", "cpu", "25", "0", "0", "0", "2"]
    assert "2 sizes were measured once: time was up before a repeat could confirm them" in err
    assert err.splitlines()[-1] == WAY_OUT


def test_sizes_that_are_left_end_with_4(capsys: pytest.CaptureFixture[str]) -> None:
    summary = OpSummary("fc1", "cpu", measured=20, unmeasured=[3], measured_once=[4])
    assert show_result(result(summary), json=False) == 4
    assert capsys.readouterr().err.count(WAY_OUT) == 1


def test_a_whole_sweep_ends_without_a_word(capsys: pytest.CaptureFixture[str]) -> None:
    assert show_result(result(OpSummary("fc1", "cpu", measured=50)), json=False) == 0
    assert capsys.readouterr().err == ""
