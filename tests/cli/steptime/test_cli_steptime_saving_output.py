"""What a routing policy saves, read in a terminal and by a program."""

from pathlib import Path

import pytest

from moeprof.tests.cli.command_line import Moeprof
from moeprof.tests.costmodel.steptime.public_folder import public_folder

ASKED = ("--model", "mixtral-8x7b", "--gpu", "H200", "--batch", "4,16")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of public rows."""
    return public_folder(tmp_path_factory.mktemp("public"))


@pytest.fixture
def model(moeprof: Moeprof, folder: Path) -> Path:
    """The model of its rows, built once."""
    out = folder / "step_time_model.json"
    if not out.exists():
        fitted = moeprof("steptime", "fit", folder, "--method", "physics", "--out", out)
        assert fitted.exit_code == 0
    return out


def test_the_saving_stands_beside_the_models_own_routing(moeprof: Moeprof, model: Path) -> None:
    result = moeprof("steptime", "predict", model, *ASKED, "--active-experts", "4,6")
    assert result.exit_code == 0
    assert "Predicted saving of the policy" in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 80
    told = " ".join(result.stderr.split())
    assert "the model's own are expected, of equal chances" in told
    assert "uncertain: what the policy costs in quality" in told


def test_a_program_gets_the_saving_of_each_batch(moeprof: Moeprof, model: Path) -> None:
    words = (*ASKED, "--active-experts", "4,6", "--json")
    few, _ = moeprof("steptime", "predict", model, *words).data["steps"]
    own, _ = moeprof("steptime", "predict", model, *ASKED, "--json").data["steps"]
    assert own["routing"] is None
    assert few["routing"]["own_step_us"] == pytest.approx(own["step_us"])
    assert few["routing"]["saved_us"] == pytest.approx(own["step_us"] - few["step_us"])
    assert few["routing"]["active_experts"] == 4
    assert 0 <= few["routing"]["low_share"] <= few["routing"]["high_share"] <= 1


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("--active-experts", "1"), "1 active experts cannot be"),
        (("--active-experts", "9"), "reach 2 to 8 of mixtral-8x7b's 8"),
        (("--active-experts", "4,5,6"), "not one number for each of 2 batches"),
        (("--active-experts", "4", "--model", "llama-3-8b"), "llama-3-8b has no routed experts"),
    ],
)
def test_experts_that_cannot_be_active_are_refused(
    moeprof: Moeprof, model: Path, words: tuple[str, ...], named: str
) -> None:
    result = moeprof("steptime", "predict", model, *ASKED, *words)
    assert result.exit_code == 2
    assert named in " ".join(result.stderr.split())
    assert "hint:" in result.stderr
