"""`moeprof route simulate`, read in a terminal of 80 columns and by a program."""

from pathlib import Path

import pytest

from moeprof.tests.cli.command_line import Moeprof


def test_scores_and_courses_are_told_and_labelled(moeprof: Moeprof) -> None:
    result = moeprof("route", "simulate", "--controller", "none")
    assert result.exit_code == 0
    assert "SIMULATED: 16 experts, top 2, 390 W, 66 °C, seed 0" in result.stdout
    assert "SIMULATED course" in result.stdout
    assert "!!!!" in result.stdout
    assert "no GPU was measured" in " ".join(result.stderr.split())
    assert "are assumed; assumed: 3.0 mJ" in " ".join(result.stderr.split())
    assert max(map(len, (result.stdout + result.stderr).splitlines())) <= 80


def test_a_program_gets_the_scores(moeprof: Moeprof) -> None:
    data = moeprof("route", "simulate", "--controller", "none", "--target-temp", 70, "--json").data
    assert (data["simulated"], data["model"], data["seed"]) == (True, None, 0)
    assert data["targets"]["temp_c"] == 70
    assert data["scores"]["none"]["over_share"] is None
    assert data["scores"]["none"]["hot_share"] > 0
    assert data["scores"]["none"]["kl_nats"] == pytest.approx(0, abs=1e-9)


def test_a_page_is_written_here_and_its_path_printed(
    moeprof: Moeprof, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = moeprof("route", "simulate", "--controller", "none", "--report")
    assert result.stdout.splitlines()[-1] == "simulation.html"
    assert "simulated" in (tmp_path / "simulation.html").read_text()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--target-power", 110), "the target power_w of 110 W is unreachable"),
        (("--target-power", 1e12), "nothing is to be held"),
        (("--target-temp", -3), "the target temp_c is -3.0"),
        (("--target-temp", 20), "the target temp_c of 20 °C is unreachable"),
        (
            ("--experts", "garbage", "--routing", "nonsense"),
            "the example serves experts of its own",
        ),
        (("--tokens", 512), "the example serves experts of its own"),
        (("--allow-estimates",), "the example serves experts of its own"),
        (("--kl-budget", -1), "the KL budget is -1.0 nats"),
        (("--controller", "bang-bang"), "'bang-bang' is not one of"),
    ],
)
def test_what_cannot_be_held_is_refused(
    moeprof: Moeprof, words: tuple[object, ...], sentence: str
) -> None:
    result = moeprof("route", "simulate", *words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert sentence in result.stderr
