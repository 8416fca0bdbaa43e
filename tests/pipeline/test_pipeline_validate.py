"""A verdict on a model: by its own held-out sizes, or by another run."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from moeprof.pipeline.build import build_model
from moeprof.pipeline.validate import validate
from moeprof.scenarios.run_options import RunOptions
from moeprof.store.document import read_document, write_document
from moeprof.store.errors import BadInput
from moeprof.store.provenance import Surroundings
from moeprof.store.recording import Recording
from moeprof.store.run import Run
from moeprof.store.verdicts.history import readable_verdicts
from moeprof.store.verdicts.parts import Disturbed, Outcome
from moeprof.store.verdicts.verdict import Validation
from moeprof.tests.pipeline.conftest import HELD_OUT, SIZES, Listener


@pytest.fixture
def built(recorded: Run) -> Run:
    build_model(recorded.folder)
    return recorded


def test_a_model_is_judged_by_the_sizes_that_were_held_out(built: Run, listener: Listener) -> None:
    result = validate(built.folder, progress=listener)
    assert result.path == built.validation_path
    assert read_document(result.path, Validation) == result.verdict
    (curve,) = result.verdict.curves
    assert (result.verdict.outcome, curve.n) == (Outcome.PASS, len(HELD_OUT))
    assert listener.notices == [f"model: {built.model_path}"]


def test_another_run_is_parsed_and_judges_by_all_of_its_points(built: Run, tmp_path: Path) -> None:
    other = Run(shutil.copytree(built.folder, tmp_path / "other"))
    with pytest.raises(BadInput, match="was built from the points"):
        validate(built.model_path, against=str(other.folder))
    recording = other.unit("cpu", "gelu.0") / "recording.json"
    recording.write_text(recording.read_text().replace("11000", "11001"))
    result = validate(built.model_path, against=other.folder, limit_ratio=0.01)
    assert result.path == built.folder / "validation-other.json"
    (curve,) = result.verdict.curves
    assert (curve.n, curve.limit) == (len(SIZES), 0.01)
    assert result.verdict.against == other.folder.name


def test_a_laxer_limit_does_not_silently_follow_a_stricter_one(
    built: Run, listener: Listener
) -> None:
    strict = validate(built.folder)
    assert strict.warnings == ()
    lax = validate(built.folder, limit_ratio=0.2)
    (warning,) = lax.warnings
    assert "under a stricter limit, of 3.00 %, is PASS" in warning
    assert readable_verdicts(built.validation_path) == [strict.verdict, lax.verdict]
    assert validate(built.folder, limit_ratio=0.01).warnings == ()


def test_another_run_is_compared_as_a_whole(built: Run, tmp_path: Path) -> None:
    other = Run(shutil.copytree(built.folder, tmp_path / "other"))
    recording = other.unit("cpu", "gelu.0") / "recording.json"
    recording.write_text(recording.read_text().replace("11000", "11001"))
    verdict = validate(built.model_path, against=other.folder).verdict
    assert verdict.shift is not None
    assert (verdict.shift.n, verdict.shift.alone) == (len(SIZES), {})
    assert verdict.shift.floor == pytest.approx(0, abs=1e-4)
    assert validate(built.folder).verdict.shift is None


def test_what_measures_nothing_waits_for_nothing(built: Run) -> None:
    with pytest.raises(BadInput, match="--against holdout measures nothing"):
        validate(built.folder, options=RunOptions(force=True))
    assert not built.validation_path.exists()


def test_sizes_measured_beside_a_load_are_counted(recorded: Run) -> None:
    path = recorded.unit("cpu", "gelu.0") / "recording.json"
    recording = read_document(path, Recording)
    busy = Surroundings(cores=2, other_cores=1.9)
    served = tuple(replace(one, surroundings=busy) for one in recording.served)
    write_document(path, replace(recording, served=served))
    build_model(recorded.folder)
    verdict = validate(recorded.folder).verdict
    assert verdict.disturbed == Disturbed(len(HELD_OUT), len(HELD_OUT))
    assert verdict.outcome is Outcome.AMBIGUOUS


def test_a_model_without_its_run_is_not_measured_again(built: Run, tmp_path: Path) -> None:
    alone = tmp_path / "alone.json"
    alone.write_bytes(built.model_path.read_bytes())
    with pytest.raises(BadInput, match="is not a run"):
        validate(alone, against="nvml")
