"""Runs added to a history, and the course of an operation over them."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from moeprof.pipeline.history import add_to_history, courses
from moeprof.store.document import read_document, write_document
from moeprof.store.errors import BadInput
from moeprof.store.history.history import add_run, history_table
from moeprof.store.plan import Plan
from moeprof.store.run import Run
from moeprof.tests.builders import make_plan, make_points, make_provenance


def add(history: Path, run: str, factor: float, sizes: tuple[int, ...] = (1, 2, 4)) -> None:
    points = make_points(lambda size: factor * size, sizes)
    provenance = make_provenance(utc=f"2026-01-0{run}T00:00:00Z")
    add_run(history, history_table(replace(make_plan(), run_id=run), provenance, points))


def test_a_run_is_added_with_its_points(recorded: Run, tmp_path: Path) -> None:
    history = tmp_path / "history"
    added = add_to_history(recorded.folder, history)
    assert added.path.name == "recorded.parquet"
    (device,) = courses(history)
    assert [run.run for run in device.runs] == ["recorded"]
    assert [(one.op, one.levels) for one in device.courses] == [("gelu", (1.0,))]
    other = Run(tmp_path / "other")
    shutil.copytree(recorded.folder, other.folder)
    write_document(other.plan_path, replace(read_document(other.plan_path, Plan), run_id="other"))
    add_to_history(other.folder, history)
    assert courses(history)[0].courses[0].levels == (1.0, 1.0)


def test_a_course_is_relative_to_the_first_run_at_the_sizes_of_both(tmp_path: Path) -> None:
    add(tmp_path, "1", 10.0)
    add(tmp_path, "2", 12.0, (2, 4, 8))
    add(tmp_path, "3", 9.0, (16, 32))
    (device,) = courses(tmp_path, op="fc1")
    (course,) = device.courses
    assert course.known == pytest.approx((1.0, 1.2))
    assert course.levels == (*course.known, None)


def test_a_value_of_which_no_ratio_can_be_made_is_none(tmp_path: Path) -> None:
    for run, factor in (("1", 10.0), ("2", 1e-320), ("3", 20.0)):
        add(tmp_path, run, factor)
    (device,) = courses(tmp_path)
    assert device.courses[0].levels[1] is None
    assert device.courses[0].known == pytest.approx((1.0, 2.0))


def test_what_the_history_lacks_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="there is no run in the history"):
        courses(tmp_path)
    add(tmp_path, "1", 10.0)
    with pytest.raises(BadInput, match="measured energy"):
        courses(tmp_path, metric="energy")
    with pytest.raises(BadInput, match="'colour' has no history"):
        courses(tmp_path, metric="colour")
    with pytest.raises(BadInput, match="latency of nothing") as refused:
        courses(tmp_path, op="nothing")
    assert "it has latency of " in refused.value.hint
