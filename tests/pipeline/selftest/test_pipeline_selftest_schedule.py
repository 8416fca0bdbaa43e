"""The steps and their time."""

from dataclasses import replace
from pathlib import Path

import pytest

from moeprof.pipeline.selftest.schedule import STEPS, ends_s
from moeprof.pipeline.selftest.steps import sweep
from moeprof.pipeline.selftest.work import Work


def test_the_steps_leave_time_to_pack_the_results() -> None:
    assert 0.9 < sum(step.share for step in STEPS) < 1


def test_the_ends_ascend_with_the_budget() -> None:
    ends = ends_s(480.0)
    assert list(ends) == [step.name for step in STEPS]
    assert sorted(ends.values()) == list(ends.values())
    assert ends_s(240.0) == pytest.approx({name: end / 2 for name, end in ends.items()})


def test_a_step_runs_the_function_that_it_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep, "sweep", lambda work: {"folder": str(work.folder)})
    step = replace(STEPS[0], function="sweep.sweep")
    assert step.run(Work(tmp_path, 0.0, print)) == {"folder": str(tmp_path)}
