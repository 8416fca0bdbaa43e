"""The verdict's step on a run of made-up times."""

from pathlib import Path

import pytest

from moeprof.pipeline.build import build_model
from moeprof.pipeline.selftest.steps import verdict
from moeprof.pipeline.selftest.steps.verdict import judge_model
from moeprof.tests.pipeline.conftest import write_linear_run
from moeprof.tests.pipeline.selftest.steps.told import work_in


def test_each_curve_has_its_outcome_and_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verdict, "choose_device", lambda name: "cpu")
    run = write_linear_run(tmp_path / "runs" / "run")
    build_model(run.folder)
    found = judge_model(work_in(tmp_path)[0])
    assert found["outcome"] in ("PASS", "AMBIGUOUS")
    (curve,) = found["curves"]
    assert (curve["op"], curve["metric"], curve["limit"]) == ("gelu", "latency", 0.03)
    assert curve["median"] < 0.03
    assert curve["reason"]
    assert run.validation_path.is_file()
