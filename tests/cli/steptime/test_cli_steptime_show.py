"""`moeprof steptime show` says in 80 columns what a file knows, and to a program the same."""

from pathlib import Path

import pytest

from moeprof.tests.cli.command_line import Moeprof
from moeprof.tests.costmodel.steptime.public_folder import public_folder


@pytest.fixture
def model(moeprof: Moeprof, tmp_path: Path) -> Path:
    """A model of a small folder, by its physics alone."""
    out = tmp_path / "m.json"
    words = ("--method", "physics", "--out", out)
    assert moeprof("steptime", "fit", public_folder(tmp_path), *words).exit_code == 0
    return out


def test_a_file_is_shown_in_80_columns_and_to_a_program(moeprof: Moeprof, model: Path) -> None:
    shown = moeprof("steptime", "show", model)
    assert shown.exit_code == 0
    lines = [*shown.stdout.splitlines(), *shown.stderr.splitlines()]
    assert max(map(len, lines)) <= 80
    rows = [line.split() for line in lines]
    assert ["mixtral-8x7b", "46.7", "8", "yes"] in rows
    assert ["B200", "yes", "yes"] in rows
    assert any(row[:3] == ["mean", "steps", "physics"] and row[-1] == "yes" for row in rows)
    assert any(row[:1] == ["J/token"] for row in rows)
    assert "no fit of steps that decode alone: 0 rows" in " ".join(shown.stderr.split())
    assert "fitted to models.csv" in shown.stderr

    found = moeprof("steptime", "show", model, "--json").data
    assert found["schema"].startswith("moeprof.step_model_summary/")
    assert [one["name"] for one in found["models"]] == ["llama-3-8b", "mixtral-8x7b"]


def test_a_file_that_is_not_there_is_refused(moeprof: Moeprof, tmp_path: Path) -> None:
    refused = moeprof("steptime", "show", tmp_path / "none.json")
    assert refused.exit_code == 2
    assert "moeprof steptime fit DIR" in refused.hint
