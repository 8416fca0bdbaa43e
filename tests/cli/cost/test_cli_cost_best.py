"""`moeprof cost layer --best`: what to run under a budget, read in a terminal and by a program."""

from pathlib import Path

import pytest

from moeprof.tests.cli.command_line import Moeprof
from moeprof.tests.pipeline.layer_models import model_at

BEST = ("layer", "--best", "tokens-per-joule")


@pytest.fixture
def models(tmp_path: Path) -> list[Path]:
    """The same layer at two power limits."""
    return [model_at(tmp_path, limit_w) for limit_w in (400.0, 700.0)]


def test_the_best_way_is_told_before_the_front(moeprof: Moeprof, models: list[Path]) -> None:
    result = moeprof("cost", *models, *BEST, "--within-us", "700")
    assert result.exit_code == 0
    told = " ".join(result.stderr.split())
    assert "best tokens-per-joule (within 700 us), of 512 points: vllm_fused_experts" in told
    assert "at a power limit of 400 W" in told
    assert "vllm_fused_experts*" in result.stdout
    assert "* estimated: " in result.stderr
    assert max(map(len, result.stdout.splitlines())) <= 80


def test_ways_that_the_intervals_do_not_tell_apart_are_named(
    moeprof: Moeprof, models: list[Path]
) -> None:
    """At both limits the engine takes as long; the parts take twice as long."""
    fastest = ("layer", "--best", "tokens-per-second", "--batch-size", "64")
    told = " ".join(moeprof("cost", *models, *fastest).stderr.split())
    assert "no clear winner, 95 % intervals do not tell it from vllm_fused_experts" in told
    assert "no clear winner" not in moeprof("cost", models[0], *fastest).stderr


def test_a_program_gets_the_whole_front(moeprof: Moeprof, models: list[Path]) -> None:
    data = moeprof("cost", *models, *BEST, "--batch-size", "64", "--json").data
    assert data["best"]["tokens"] == 64
    assert data["best"] in data["front"]
    assert (data["aim"], data["nearest"], data["tried"]) == ("tokens-per-joule", None, 4)


def test_a_budget_that_nothing_meets_ends_with_1_and_names_the_nearest(
    moeprof: Moeprof, models: list[Path]
) -> None:
    result = moeprof("cost", *models, *BEST, "--budget-w", "0.5")
    assert result.exit_code == 1
    assert "no way to run the layer keeps to the budget (at most 0.5 W)" in result.errors[0]
    assert "the nearest: " in result.errors[0]


@pytest.mark.parametrize(
    ("words", "refusal"),
    [
        ("relu --best tokens-per-joule", "--best is for a layer, and relu is one operation"),
        ("layer --best tokens-per-joule --budget-w 0", "--budget-w is 0, and it must be a number"),
        ("layer --batch-size 4 --within-us 9", "--within-us was given without --best"),
        ("layer", "--batch-size is missing"),
    ],
)
def test_what_cannot_be_chosen_from_is_refused(
    moeprof: Moeprof, models: list[Path], words: str, refusal: str
) -> None:
    result = moeprof("cost", models[0], *words.split())
    assert result.exit_code == 2
    assert refusal in result.errors[0]
