"""A model passes on rows of its kind, and fails on rows of a slower machine."""

from pathlib import Path

import pytest

from moeprof.pipeline.steptime.fit import fit_steps
from moeprof.pipeline.steptime.validate import validate_steps
from moeprof.store.errors import BadInput
from moeprof.tests.costmodel.steptime.public_folder import public_folder


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of a small folder."""
    folder = tmp_path_factory.mktemp("public")
    fit_steps(public_folder(folder), folder / "m.json")
    return folder / "m.json"


def test_rows_of_the_same_kind_pass(path: Path) -> None:
    verdict = validate_steps(path, path.parent)
    assert verdict.passed
    assert verdict.why == ()
    groups = [score.group for score in verdict.scores]
    assert groups == ["all", "dense models", "models with experts", "s", "B200", "H100", "H200"]
    whole = verdict.scores[0]
    assert whole.rows == 36
    assert whole.median < whole.p90 < whole.roofline
    assert abs(whole.bias) < 0.05


def test_a_machine_that_is_half_as_fast_fails_with_reasons(path: Path, tmp_path: Path) -> None:
    verdict = validate_steps(path, public_folder(tmp_path, tpot_factor=2.0))
    assert not verdict.passed
    assert verdict.why[0].startswith("the median error is")
    assert any("intervals of 90 %" in why for why in verdict.why)
    assert verdict.scores[0].bias == pytest.approx(-0.5, abs=0.05)


def test_impossible_rows_are_refused(path: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot be true"):
        validate_steps(path, public_folder(tmp_path, tpot_factor=1e-3))
