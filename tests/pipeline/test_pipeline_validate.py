"""A verdict on a model: by its own held-out sizes, or by another run."""

import shutil
from pathlib import Path

import pytest

from moeprof.pipeline.build import build_model
from moeprof.pipeline.validate import validate
from moeprof.store.document import read_document
from moeprof.store.errors import BadInput
from moeprof.store.run import Run
from moeprof.store.verdicts.history import readable_verdicts
from moeprof.store.verdicts.parts import Outcome
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


def test_a_model_without_its_run_is_not_measured_again(built: Run, tmp_path: Path) -> None:
    alone = tmp_path / "alone.json"
    alone.write_bytes(built.model_path.read_bytes())
    with pytest.raises(BadInput, match="is not a run"):
        validate(alone, against="nvml")
