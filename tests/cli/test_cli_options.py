"""Options that several commands share: durations, and the latest run or model."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moeprof.cli.options import duration_s, find_model, find_run
from moeprof.store.errors import BadInput


@pytest.mark.parametrize(
    ("words", "seconds"),
    [("90", 90), ("90s", 90), ("3m", 180), ("1.5h", 5400), ("500ms", 0.5), (" 2s ", 2)],
)
def test_a_duration_is_read_in_its_unit(words: str, seconds: float) -> None:
    assert duration_s(words) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "words",
    [
        "",
        "soon",
        "-3m",
        "0",
        "0s",
        "3 m",
        "3d",
        "1e3",
        "nan",
        "inf",
        ".5h",
        "٣m",
        "3m2s",
        "8761h",
        "9" * 400,
    ],
)
def test_what_is_no_duration_is_refused(words: str) -> None:
    with pytest.raises(BadInput, match="is no duration") as caught:
        duration_s(words)
    assert repr(words) in caught.value.message
    assert caught.value.hint


@settings(deadline=None, max_examples=50)
@given(st.integers(1, 100), st.sampled_from(["ms", "s", "m", "h"]))
def test_a_thousand_ms_sixty_s_and_sixty_m_are_one_of_the_next(number: int, unit: str) -> None:
    larger = {"ms": (1000, "s"), "s": (60, "m"), "m": (60, "h"), "h": (1, "h")}
    factor, name = larger[unit]
    assert duration_s(f"{number * factor}{unit}") == pytest.approx(duration_s(f"{number}{name}"))


@settings(deadline=None, max_examples=200)
@given(st.text(max_size=8))
def test_any_words_give_a_positive_duration_or_bad_input(words: str) -> None:
    try:
        seconds = duration_s(words)
    except BadInput:
        return
    assert 0 < seconds < float("inf")


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Give a store with an older run that has a model, and a newer one without."""
    for age_s, name in ((10, "older"), (5, "newer")):
        plan = tmp_path / name / "plan.json"
        plan.parent.mkdir()
        plan.write_text("{}")
        os.utime(plan, (1000 - age_s, 1000 - age_s))
    (tmp_path / "older" / "kernel_cost_model.json").write_text("{}")
    return tmp_path


def test_the_latest_run_is_taken_by_default(store: Path) -> None:
    assert find_run(None, store).folder == store / "newer"


def test_a_named_run_is_taken(store: Path) -> None:
    assert find_run(store / "older", store / "elsewhere").folder == store / "older"


def test_the_latest_model_is_taken_by_default(store: Path) -> None:
    assert find_model(None, store) == store / "older" / "kernel_cost_model.json"


def test_a_model_is_named_by_its_file_or_its_run(store: Path) -> None:
    path = store / "older" / "kernel_cost_model.json"
    assert find_model(path, store) == find_model(store / "older", store) == path


def test_a_run_without_a_model_is_refused(store: Path) -> None:
    with pytest.raises(BadInput, match=r"there is no kernel_cost_model\.json in") as caught:
        find_model(store / "newer", store)
    assert caught.value.hint == f"make one: moeprof build-model {store / 'newer'}"


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="is not a run") as caught:
        find_run(tmp_path, tmp_path)
    assert caught.value.hint


@pytest.mark.parametrize("find", [find_run, find_model])
def test_an_empty_store_is_refused_with_the_way_out(
    tmp_path: Path, find: Callable[[Path | None, Path], object]
) -> None:
    with pytest.raises(BadInput, match="there is no") as caught:
        find(None, tmp_path)
    assert str(tmp_path) in caught.value.message
    assert "moeprof" in caught.value.hint
