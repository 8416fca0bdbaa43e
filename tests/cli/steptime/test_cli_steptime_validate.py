"""`moeprof steptime validate`: the verdict in a terminal, for a program, and as an exit code."""

from pathlib import Path

import pytest

from moeprof.tests.cli.command_line import Moeprof
from moeprof.tests.costmodel.steptime.public_folder import public_folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of public rows."""
    return public_folder(tmp_path_factory.mktemp("public"))


@pytest.fixture
def model(moeprof: Moeprof, folder: Path) -> Path:
    """The model of its rows, built once."""
    out = folder / "step_time_model.json"
    if not out.exists():
        assert moeprof("steptime", "fit", folder, "--out", out).exit_code == 0
    return out


def test_a_file_fails_on_a_machine_that_is_half_as_fast(
    moeprof: Moeprof, model: Path, tmp_path: Path
) -> None:
    slower = public_folder(tmp_path, tpot_factor=2.0)
    failed = moeprof("steptime", "validate", model, slower)
    assert failed.exit_code == 1
    assert "mean step: FAIL, 36 rows of 6 configurations" in failed.stdout
    assert "MoE models" in failed.stdout
    assert max(map(len, (*failed.stdout.splitlines(), *failed.stderr.splitlines()))) <= 80
    assert "FAIL: the median error is at least" in " ".join(failed.stderr.split())
    whole = moeprof("steptime", "validate", model, slower, "--json")
    assert (whole.exit_code, whole.data["outcome"]) == (1, "FAIL")
    assert whole.data["quantities"][0]["scores"][0]["baselines"].keys() == {"roofline", "blackbox"}


def test_few_configurations_leave_it_open(moeprof: Moeprof, folder: Path) -> None:
    result = moeprof("steptime", "validate", folder)
    assert result.exit_code == 125
    assert max(map(len, (*result.stdout.splitlines(), *result.stderr.splitlines()))) <= 80
    assert "J/token at the predicted step, limits of all rows" in " ".join(result.stderr.split())
    assert "AMBIGUOUS: fits without a tenth of the configurations" in " ".join(
        result.stderr.split()
    )


def test_the_rows_of_the_fit_are_refused_with_a_way_out(moeprof: Moeprof, model: Path) -> None:
    result = moeprof("steptime", "validate", model, model.parent)
    assert result.exit_code == 2
    assert "fitted to every row" in result.stderr
    assert "--leave-one" in result.stderr


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("--leave-one", "gpu"), "24 rows of 4 configurations are too few"),
        (("--leave-one", "time"), "no time to leave out"),
        (("--leave-one", "weather"), "weather"),
        (("--limit", "0"), "--limit is 0, and must be 0.1 or more and below 100 percent"),
        (("--limit", "1e-300"), "--limit is 1e-300, and must be 0.1 or more"),
        (("--limit", "1000"), "--limit is 1000, and must be 0.1 or more"),
        (("--limit", "nan"), "--limit is nan, and must be 0.1 or more"),
    ],
)
def test_what_cannot_be_judged_is_refused(
    moeprof: Moeprof, folder: Path, words: tuple[str, str], named: str
) -> None:
    result = moeprof("steptime", "validate", folder, *words)
    assert result.exit_code == 2
    assert named in " ".join(result.stderr.split())


def test_a_file_and_fits_are_not_judged_at_once(moeprof: Moeprof, model: Path) -> None:
    both = moeprof("steptime", "validate", model, model.parent, "--leave-one", "model")
    assert both.exit_code == 2
    assert "--leave-one judges fits" in both.stderr
    two = moeprof("steptime", "validate", model, model, model.parent)
    assert (two.exit_code, "2 files were given" in two.stderr) == (2, True)
