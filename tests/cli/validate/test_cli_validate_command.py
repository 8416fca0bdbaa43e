"""`moeprof validate`: the verdict as an exit code, and what it refuses.

Measured times differ from day to day, so the points are given times here: latency linear in batch
size, which the fit gets right.
"""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from moeprof.costmodel.checksum import with_checksum
from moeprof.pipeline.measure import validation_run
from moeprof.store.cost_model import CostModelFile
from moeprof.store.document import read_document, write_document
from moeprof.store.errors import CannotMeasure
from moeprof.store.fitted_runs import FittedRun
from moeprof.store.plan import Plan
from moeprof.store.recording import sha256_of
from moeprof.store.run import Run
from moeprof.store.tables.parquet import read_table
from moeprof.store.tables.table_set import writing_tables
from moeprof.store.verdicts.parts import Outcome
from moeprof.store.verdicts.verdict import Validation
from moeprof.tests.cli.command_line import Moeprof

PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)


def _retime(
    run: Run, *, factor: float = 1.0, holdout_factor: float = 1.0, repeat_difference: float = 0.001
) -> None:
    """Give every point 10 us + 1 us per token, times a factor, and one for the hold-out."""
    path = run.table("points")
    rows = read_table(path, "points").to_pylist()
    for row in rows:
        time_us = factor * (10.0 + row["tokens"])
        time_us *= holdout_factor if row["role"] == "holdout" else 1.0
        row |= {"latency_us": time_us, "latency_us_lo": time_us, "latency_us_hi": time_us}
        row["repeat_difference"] = None if row["role"] == "fit" else repeat_difference
    table = read_table(path, "points")
    calls = read_table(run.table("calls"), "calls")
    with writing_tables(run.tables, run.sources_sha256()) as tables:
        tables.write("points", pa.Table.from_pylist(rows, schema=table.schema))
        tables.write("calls", calls)
    if run.model_path.is_file():  # the model stays that of the points
        model = read_document(run.model_path, CostModelFile)
        runs = (FittedRun(sha256_of(path), run.sources_sha256()),)
        model = replace(model, points_sha256=sha256_of(path), runs=runs)
        write_document(run.model_path, with_checksum(model))


@pytest.fixture
def linear_run(moeprof: Moeprof, built_run: Path) -> Run:
    """Give a run of one's own whose points lie on a line, with the model of them."""
    run = Run(built_run)
    _retime(run)
    assert moeprof("build-model", built_run).exit_code == 0
    return run


def test_a_model_that_predicts_well_passes(moeprof: Moeprof, linear_run: Run) -> None:
    result = moeprof("validate", linear_run.folder)
    assert result.exit_code == 0
    assert result.stdout.count("PASS") == 2
    assert f"PASS: {linear_run.folder.name} against holdout" in result.stderr


def test_a_model_that_predicts_badly_fails(moeprof: Moeprof, linear_run: Run) -> None:
    _retime(linear_run, holdout_factor=1.5)
    result = moeprof("validate", linear_run.folder)
    assert result.exit_code == 1
    assert result.stdout.count("FAIL") == 2


def test_points_that_do_not_repeat_are_ambiguous(moeprof: Moeprof, linear_run: Run) -> None:
    _retime(linear_run, holdout_factor=1.1, repeat_difference=0.2)
    result = moeprof("validate", linear_run.folder)
    assert result.exit_code == 125
    assert "the repeatability floor of" in " ".join(result.stderr.split())
    assert "measure again on a quieter machine" in result.stderr


def test_a_verdict_is_one_line_then_a_table_then_each_advice_once(
    moeprof: Moeprof, linear_run: Run
) -> None:
    _retime(linear_run, holdout_factor=1.5)
    result = moeprof("validate", linear_run.folder)
    lines = result.stderr.splitlines()
    verdict = f"FAIL: {linear_run.folder.name} against holdout: 2 of 2 curves fail"
    assert lines.index(verdict) == 1  # after the model
    assert lines.count("beyond the limit:") == 1
    assert max(map(len, (*lines[1:], *result.stdout.splitlines()))) <= 80


def test_an_earlier_verdict_is_kept_and_a_stricter_one_told(
    moeprof: Moeprof, linear_run: Run
) -> None:
    _retime(linear_run, holdout_factor=1.1)
    assert moeprof("validate", linear_run.folder).exit_code == 1
    result = moeprof("validate", linear_run.folder, "--limit", "20")
    assert result.exit_code == 0
    assert "under a stricter limit, of 3.00 %, is FAIL: it is kept" in result.stderr
    kept = linear_run.folder / "validations" / "validation.1.json"
    assert read_document(kept, Validation).outcome is Outcome.FAIL
    asked = moeprof("cost", linear_run.folder, "relu", "--batch-size", "20", "--json").data
    assert [one["outcome"] for one in asked["validations"]] == ["FAIL", "PASS"]


def test_a_run_that_is_slower_as_a_whole_is_told_so(
    moeprof: Moeprof, linear_run: Run, tmp_path: Path
) -> None:
    other = Run(tmp_path / "other")
    shutil.copytree(linear_run.folder, other.folder)
    _retime(other, factor=1.085)
    result = moeprof("validate", linear_run.folder, "--against", other.folder)
    assert result.exit_code == 1
    assert "the machine or the build changed, 8.5 % more time" in " ".join(result.stderr.split())
    shift = json.loads((linear_run.folder / "validation-other.json").read_text())["shift"]
    assert shift["common"] == pytest.approx(0.085)
    assert shift["alone"] == {}


def test_a_wider_limit_passes_what_failed(moeprof: Moeprof, linear_run: Run) -> None:
    _retime(linear_run, holdout_factor=1.1)
    assert moeprof("validate", linear_run.folder).exit_code == 1
    assert moeprof("validate", linear_run.folder, "--limit", "20").exit_code == 0


def test_a_model_of_measured_points_gets_a_verdict(moeprof: Moeprof, built_run: Path) -> None:
    result = moeprof("validate", built_run, "--json")
    outcome = result.data["outcome"]
    assert result.exit_code == {"PASS": 0, "FAIL": 1, "AMBIGUOUS": 125}[outcome]


def test_the_verdict_is_json_alone_on_stdout_and_a_file_in_the_run(
    moeprof: Moeprof, linear_run: Run
) -> None:
    result = moeprof("validate", "--json", "--store", linear_run.folder.parent)
    assert result.exit_code == 0
    assert result.data["model"] == linear_run.folder.name
    assert [curve["n"] for curve in result.data["curves"]] == [16, 16]
    assert set(result.data["unmeasured"]) == {"power", "energy", "heat"}
    assert json.loads(linear_run.validation_path.read_text()) == result.data


def test_the_model_is_named_by_its_file_too(moeprof: Moeprof, linear_run: Run) -> None:
    assert moeprof("validate", linear_run.model_path).exit_code == 0


def test_another_run_is_held_against_the_model(
    moeprof: Moeprof, linear_run: Run, tmp_path: Path
) -> None:
    other = Run(tmp_path / "other")
    shutil.copytree(linear_run.folder, other.folder)
    _retime(other, holdout_factor=1.5)
    result = moeprof("validate", linear_run.folder, "--against", other.folder, "--json")
    assert result.data["against"] == other.folder.name
    assert [curve["n"] for curve in result.data["curves"]] == [32, 32]
    assert max(curve["max"] for curve in result.data["curves"]) == pytest.approx(0.5)


def test_a_run_on_another_device_is_refused(
    moeprof: Moeprof, linear_run: Run, tmp_path: Path
) -> None:
    other = Run(tmp_path / "other")
    shutil.copytree(linear_run.folder, other.folder)
    provenance = json.loads(other.provenance_path.read_text()) | {"device_name": "Abacus"}
    other.provenance_path.write_text(json.dumps(provenance))
    result = moeprof("validate", linear_run.folder, "--against", other.folder)
    assert result.exit_code == 2
    assert f"{other.folder} was measured on Abacus, the model on " in result.errors[0]


def test_the_run_that_the_model_was_built_from_is_refused(
    moeprof: Moeprof, linear_run: Run
) -> None:
    result = moeprof("validate", linear_run.folder, "--against", linear_run.folder)
    assert result.exit_code == 2
    assert result.errors == [f"the model was built from the points of {linear_run.folder}"]
    assert "--against holdout" in result.hint


@pytest.mark.parametrize("words", ["--wait 10m", "--force", "--wait 10m --against RUN"])
def test_what_measures_nothing_cannot_wait_for_a_quiet_machine(
    moeprof: Moeprof, built_run: Path, words: str
) -> None:
    result = moeprof("validate", built_run, *words.split())
    assert result.exit_code == 2
    assert "measures nothing" in result.errors[0]
    assert "--against nvml" in result.hint


def test_nvml_is_exit_3_where_no_energy_can_be_read(
    moeprof: Moeprof, built_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(provenance: object) -> str:
        raise CannotMeasure("RAPL is unavailable: no processor package")

    monkeypatch.setattr(validation_run, "check_sensors", refuse)
    result = moeprof("validate", built_run, "--against", "nvml")
    assert (result.exit_code, result.stdout) == (3, "")
    assert result.errors == ["NVML measures no CPU, and RAPL is unavailable: no processor package"]
    assert result.hint
    assert not list(built_run.glob("validation*"))
    assert not list(built_run.glob("nvml*"))


@pytest.mark.parametrize("limit", ["0", "-1", "100", "nan"])
def test_a_limit_that_is_no_percentage_is_refused(
    moeprof: Moeprof, built_run: Path, limit: str
) -> None:
    result = moeprof("validate", built_run, "--limit", limit)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.errors == [f"--limit is {limit}, and must be above 0 and below 100 percent"]
    assert result.hint


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"a diary", "is not JSON"),
        (PNG, "is not JSON"),
        (b'{"schema": "moeprof.plan/1.1"}', "holds 'moeprof.plan/1.1', not a"),
        (b'{"schema": "moeprof.kernel_cost_model/9.0"}', "and this moeprof knows"),
        (b'{"schema": "moeprof.kernel_cost_model/1.0"}', "is not a valid"),
    ],
    ids=["text", "png", "plan", "newer", "hollow"],
)
def test_a_file_that_is_no_model_is_refused_in_one_sentence(
    moeprof: Moeprof, tmp_path: Path, content: bytes, says: str
) -> None:
    path = tmp_path / "model.json"
    path.write_bytes(content)
    result = moeprof("validate", path)
    assert (result.exit_code, result.stdout) == (2, "")
    (sentence,) = result.errors
    assert sentence.startswith(str(path))
    assert says in sentence
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    "words", ["nowhere.json", "--store empty", "MODEL --against nowhere"], ids=str
)
def test_what_is_missing_is_bad_input(
    moeprof: Moeprof, built_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    named = [str(built_run) if word == "MODEL" else word for word in words.split()]
    result = moeprof("validate", *named)
    assert (result.exit_code, result.stdout) == (2, "")
    assert named[-1] in result.errors[0]
    assert result.hint


def test_a_run_of_another_schema_version_is_refused(
    moeprof: Moeprof, built_run: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    shutil.copytree(built_run, other)
    plan = other / "plan.json"
    plan.write_text(plan.read_text().replace(Plan.SCHEMA, "moeprof.plan/9.0"))
    result = moeprof("validate", built_run, "--against", other)
    assert result.exit_code == 2
    assert result.errors[0].startswith(f"{plan} is moeprof.plan/9.0")


def test_a_full_disk_leaves_no_verdict(
    moeprof: Moeprof, fill_disk: Callable[..., None], linear_run: Run
) -> None:
    fill_disk()
    result = moeprof("validate", linear_run.folder)
    assert result.exit_code == 2
    assert "no space left on device" in result.errors[0]
    assert not linear_run.validation_path.exists()


def test_a_model_of_other_points_than_the_run_holds_is_judged_with_a_warning(
    moeprof: Moeprof, linear_run: Run
) -> None:
    model = read_document(linear_run.model_path, CostModelFile)
    runs = (replace(model.runs[0], points_sha256="0" * 64),)
    write_document(linear_run.model_path, with_checksum(replace(model, runs=runs)))
    result = moeprof("validate", linear_run.folder)
    assert result.exit_code == 0
    assert result.stderr.count("was built from other points") == 1
    assert f"moeprof build-model {linear_run.folder}" in result.stderr
