"""The model's step on a run of made-up times."""

from pathlib import Path

import pytest

from moeprof.pipeline.selftest.steps import model
from moeprof.pipeline.selftest.steps.model import fit_model
from moeprof.store.errors import BadInput
from moeprof.tests.pipeline.conftest import SIZES, write_linear_run
from moeprof.tests.pipeline.selftest.steps.told import work_in


def test_what_the_sweep_recorded_becomes_a_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model, "choose_device", lambda name: "cpu")
    run = write_linear_run(tmp_path / "runs" / "run")
    work, told = work_in(tmp_path)
    found = fit_model(work)
    assert run.model_path.is_file()
    assert found["curves"][0] | {"knots": 0} == {"op": "gelu", "knots": 0, "has_energy": False}
    assert (found["points"], found["failed_points"]) == (len(SIZES), [])
    assert "points" not in told.facts[0]


def test_without_a_sweep_there_is_nothing_to_fit(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="there is no run"):
        fit_model(work_in(tmp_path)[0])
