"""`moeprof build-model`: a run to its cost model."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from moeprof.store.cost_model import CostModelFile
from moeprof.store.run import Run
from moeprof.store.tables.parquet import read_table
from moeprof.store.tables.table_set import writing_tables
from moeprof.tests.cli.command_line import Moeprof, Result


def test_json_on_stdout_names_the_model_and_nothing_else(
    built: tuple[Path, Result],
) -> None:
    store, result = built
    (folder,) = store.iterdir()
    assert result.exit_code == 0
    assert result.data == {"model": str(Run(folder).model_path), "unmeasured": {}}


def test_the_model_holds_a_curve_per_operation(built: tuple[Path, Result]) -> None:
    model = json.loads(Path(built[1].data["model"]).read_text())
    assert model["schema"] == CostModelFile.SCHEMA
    assert [curve["op"] for curve in model["curves"]] == ["relu", "topk"]
    for curve in model["curves"]:
        assert curve["domain"] == {"first_tokens": 1, "last_tokens": 64}
        assert len(curve["knots_tokens"]) == 8 + 8  # fit and calibration
        assert min(curve["latency_us"]) > 0
        assert curve["energy_mj"] is None
        assert curve["energy_reason"]


def test_what_is_not_parsed_yet_is_parsed_first(moeprof: Moeprof, recorded_run: Path) -> None:
    run = Run(recorded_run)
    assert not run.table("points").exists()
    result = moeprof("build-model", recorded_run)
    assert result.exit_code == 0
    assert run.table("points").is_file()
    assert result.stdout.startswith("Curves, and the leave-one-out error")
    assert f"model: {run.model_path}" in result.stderr


def test_tables_of_other_recordings_are_made_anew(moeprof: Moeprof, built_run: Path) -> None:
    path = sorted(built_run.glob("raw/*/*/recording.json"))[0]
    path.unlink()
    os.utime(Run(built_run).table("points"), (2**31, 2**31))
    before = Run(built_run).table("points").read_bytes()
    assert moeprof("build-model", built_run).exit_code == 0
    assert Run(built_run).table("points").read_bytes() != before


def test_the_same_run_gives_the_same_bytes(moeprof: Moeprof, built_run: Path) -> None:
    before = Run(built_run).model_path.read_bytes()
    assert moeprof("build-model", "--store", built_run.parent).exit_code == 0
    assert Run(built_run).model_path.read_bytes() == before


def test_an_empty_store_is_bad_input(moeprof: Moeprof, tmp_path: Path) -> None:
    result = moeprof("build-model", "--json", "--store", tmp_path / "none")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.errors == [f"there is no run in {tmp_path / 'none'}"]
    assert "moeprof profile" in result.hint


def test_a_run_without_recordings_is_bad_input(moeprof: Moeprof, recorded_run: Path) -> None:
    for path in recorded_run.glob("raw/*/*/recording.json"):
        path.unlink()
    result = moeprof("build-model", recorded_run)
    assert result.exit_code == 2
    (sentence,) = result.errors
    assert "no row with role 'fit'" in sentence
    assert not Run(recorded_run).model_path.exists()


def test_points_that_make_no_curve_are_bad_input(moeprof: Moeprof, built_run: Path) -> None:
    run = Run(built_run)
    points = read_table(run.table("points"), "points")
    with writing_tables(run.tables, run.sources_sha256()) as tables:
        tables.write("points", points.slice(0, 1))
    before = run.model_path.read_bytes()
    result = moeprof("build-model", built_run)
    assert result.exit_code == 2
    assert "holds no curve" in result.errors[0]
    assert run.model_path.read_bytes() == before


@pytest.mark.parametrize("json_words", [(), ("--json",)])
def test_a_full_disk_keeps_the_old_model(
    moeprof: Moeprof, fill_disk: Callable[..., None], built_run: Path, json_words: tuple[str, ...]
) -> None:
    before = Run(built_run).model_path.read_bytes()
    fill_disk()
    result = moeprof("build-model", built_run, *json_words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "no space left on device" in result.errors[0]
    assert Run(built_run).model_path.read_bytes() == before


def test_another_run_is_there_and_not_the_same(moeprof: Moeprof, built_run: Path) -> None:
    for other in (built_run, "nowhere"):
        result = moeprof("build-model", built_run, "--also", other)
        assert result.exit_code == 2
        assert str(other) in result.errors[0]
