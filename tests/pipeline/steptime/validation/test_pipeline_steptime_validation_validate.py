"""A file is judged by rows that it was not fitted to, and fits by rows that they left out."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from moeprof.pipeline.steptime.fit import fit_steps
from moeprof.pipeline.steptime.validation.validate import validate_file, validate_fits
from moeprof.store.document import to_json
from moeprof.store.errors import BadInput
from moeprof.store.verdicts.parts import Cause, Outcome
from moeprof.store.verdicts.step_validation import StepValidation
from moeprof.tests.costmodel.steptime.public_folder import public_folder


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of a small folder."""
    folder = tmp_path_factory.mktemp("public")
    fit_steps(public_folder(folder), folder / "m.json")
    return folder / "m.json"


def test_other_rows_of_the_same_machines_pass_a_limit_that_they_keep(
    path: Path, tmp_path: Path
) -> None:
    verdict = validate_file(path, public_folder(tmp_path, tpot_factor=1.01), limit=0.15)
    assert verdict.model == str(path)
    assert verdict.fitted_rows == 0
    steps, power, energy = verdict.quantities
    assert [one.outcome for one in verdict.quantities] == [Outcome.PASS] * 3
    assert verdict.outcome is Outcome.PASS
    assert all(one.whole.coverage is not None for one in (steps, power, energy))
    assert (steps.quantity, energy.unit) == ("mean step", "J")
    assert steps.limits.source == "stated"
    assert list(steps.whole.baselines) == ["roofline", "blackbox"]
    assert "no fit" in verdict.unjudged["step that decodes alone"]
    groupings = dict.fromkeys(score.by for score in steps.scores)
    assert list(groupings) == ["all", "kind", "workload", "source", "GPU"]


def test_a_machine_that_is_half_as_fast_fails_by_what_the_file_states(
    path: Path, tmp_path: Path
) -> None:
    verdict = validate_file(path, public_folder(tmp_path, tpot_factor=2.0))
    steps = verdict.quantities[0]
    assert verdict.outcome is steps.outcome is Outcome.FAIL
    assert steps.findings[0].cause is Cause.ERROR
    assert steps.whole.bias.value == pytest.approx(-0.5, abs=0.05)
    assert "1.25 times the errors that the file states" in steps.limits.source


def test_gpus_that_take_less_power_fail_in_power_and_energy_alone(
    path: Path, tmp_path: Path
) -> None:
    folder = public_folder(tmp_path, tpot_factor=1.01, power_factor=0.6)
    steps, power, energy = validate_file(path, folder, limit=0.15).quantities
    assert [one.outcome for one in (steps, power, energy)] == [
        Outcome.PASS, Outcome.FAIL, Outcome.FAIL,
    ]  # fmt: skip
    assert power.whole.bias.value == pytest.approx(1 / 0.6 - 1, abs=0.05)


def test_a_blackbox_is_not_asked_to_err_less_than_itself(path: Path, tmp_path: Path) -> None:
    fit_steps(path.parent, tmp_path / "blackbox.json", method="blackbox")
    folder = public_folder(tmp_path, tpot_factor=1.01)
    steps, _, energy = validate_file(tmp_path / "blackbox.json", folder, limit=0.9).quantities
    assert list(steps.whole.baselines) == ["roofline"]
    assert list(energy.whole.baselines) == ["median power of the GPU's type", "roofline"]
    assert not any("blackbox" in found.reason for found in (*steps.findings, *energy.findings))


def test_a_file_whose_steps_take_no_time_is_refused(path: Path, tmp_path: Path) -> None:
    fit_steps(path.parent, tmp_path / "no.json", method="blackbox")
    data = json.loads((tmp_path / "no.json").read_text())
    found = data["steps"]["mean"]["blackbox"]
    found.update(dict.fromkeys(found, 0.0))
    (tmp_path / "no.json").write_text(json.dumps(data))
    with pytest.raises(BadInput, match=r"no\.json"):
        validate_file(tmp_path / "no.json", public_folder(tmp_path, tpot_factor=1.01))


def test_rows_that_the_file_was_fitted_to_are_no_test(path: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="was fitted to every row"):
        validate_file(path, path.parent)
    old, new = path.parent, public_folder(tmp_path, tpot_factor=1.01)
    tables = [pq.read_table(folder / "serving_rows.parquet") for folder in (old, new)]
    pq.write_table(pa.concat_tables(tables), new / "serving_rows.parquet")
    verdict = validate_file(path, new)
    assert verdict.fitted_rows == 36
    assert verdict.quantities[0].whole.rows == 36


def test_fits_of_a_folder_are_judged_without_their_configurations_the_same_each_time(
    path: Path,
) -> None:
    told: list[str] = []
    verdict = validate_fits(path.parent, "configuration", report=lambda name, *_: told.append(name))
    assert (verdict.model, verdict.left_out) == (None, "configuration")
    assert verdict.quantities[0].limits.median == 0.135
    assert verdict.quantities[0].whole.configurations == 6
    assert told[0] == "mean step: fold 0"
    text = to_json(verdict)
    assert text == to_json(validate_fits(path.parent, "configuration"))
    assert text.startswith(f'{{\n  "schema": "{StepValidation.SCHEMA}"')


def test_impossible_rows_are_refused(path: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot be true"):
        validate_file(path, public_folder(tmp_path, tpot_factor=1e-3))
