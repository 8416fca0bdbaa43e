"""A file is judged by rows that it was not fitted to, and fits by rows that they left out."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from moeprof.pipeline.steptime.fit import fit_steps
from moeprof.pipeline.steptime.validate import validate_file, validate_fits
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
    verdict = validate_file(path, public_folder(tmp_path, tpot_factor=1.01), limit=0.1)
    assert verdict.model == str(path)
    assert verdict.fitted_rows == 0
    steps, power, energy = verdict.quantities
    assert [one.outcome for one in (steps, power)] == [Outcome.PASS, Outcome.PASS]
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


def test_rows_that_the_file_was_fitted_to_are_no_test(path: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="was fitted to every row"):
        validate_file(path, path.parent)
    old, new = path.parent, public_folder(tmp_path, tpot_factor=1.01)
    tables = [pq.read_table(folder / "serving_rows.parquet") for folder in (old, new)]
    pq.write_table(pa.concat_tables(tables), new / "serving_rows.parquet")
    verdict = validate_file(path, new)
    assert verdict.fitted_rows == 36
    assert verdict.quantities[0].whole.rows == 36


def test_fits_of_a_folder_are_judged_without_their_configurations(path: Path) -> None:
    told: list[str] = []
    verdict = validate_fits(path.parent, "configuration", report=lambda name, *_: told.append(name))
    assert (verdict.model, verdict.left_out) == (None, "configuration")
    assert verdict.quantities[0].limits.median == 0.135
    assert verdict.quantities[0].whole.configurations == 6
    assert told[0] == "mean step: fold 0"


def test_the_verdict_is_a_document_of_its_own_and_the_same_each_time(path: Path) -> None:
    first, second = (to_json(validate_fits(path.parent, "configuration")) for _ in range(2))
    assert first == second
    assert first.startswith(f'{{\n  "schema": "{StepValidation.SCHEMA}"')


def test_impossible_rows_are_refused(path: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot be true"):
        validate_file(path, public_folder(tmp_path, tpot_factor=1e-3))
