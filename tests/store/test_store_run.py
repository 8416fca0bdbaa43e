"""A run folder is found, and each stage finds in it what the one before left."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from moeprof.store.disk.temporary import PREFIX
from moeprof.store.document import write_document
from moeprof.store.errors import BadInput
from moeprof.store.plan import Plan
from moeprof.store.provenance import Provenance
from moeprof.store.recording import Recording
from moeprof.store.run import (
    Run,
    find_model,
    find_run,
    latest_model,
    latest_run,
    model_file,
    open_run,
)


def test_a_run_opens_by_its_plan(tmp_path: Path, plan: Plan) -> None:
    write_document(Run(tmp_path).plan_path, plan)
    assert open_run(tmp_path).plan() == plan


def test_a_folder_without_a_plan_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="is not a run") as caught:
        find_run(tmp_path, tmp_path)
    assert caught.value.hint


@pytest.mark.parametrize("folder", ["tables", "raw", "raw/cpu", "damaged", "logs", "scripts"])
def test_a_run_whose_folder_is_a_link_out_of_it_is_refused(
    tmp_path: Path, plan: Plan, folder: str
) -> None:
    run = Run(tmp_path / "run")
    write_document(run.plan_path, plan)
    link = run.folder / folder
    link.parent.mkdir(exist_ok=True)
    link.symlink_to(tmp_path)
    with pytest.raises(BadInput, match="leads out of the run"):
        open_run(run.folder)
    link.unlink()
    link.symlink_to(link.parent)
    assert open_run(run.folder) == run


def test_recordings_come_back_in_order_of_their_path(tmp_path: Path, recording: Recording) -> None:
    run = Run(tmp_path)
    assert run.recordings() == []
    run.keep(recording)
    assert run.recordings() == [(run.unit("cpu", recording.unit), recording)]


def test_every_path_lies_in_the_run(tmp_path: Path) -> None:
    run = Run(tmp_path)
    paths = [run.provenance_path, run.model_path, run.validation_path, run.report_path]
    assert {path.parent for path in paths} == {tmp_path}
    assert run.script("fc1") == tmp_path / "scripts" / "fc1.py"
    assert run.table("points") == tmp_path / "tables" / "points.parquet"


def test_a_table_that_is_not_declared_has_no_path(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="prices"):
        Run(tmp_path).table("prices")


def test_the_latest_run_and_model_are_the_newest(tmp_path: Path) -> None:
    for age, name in enumerate(("c", "a", "b")):
        for file in ("plan.json", "kernel_cost_model.json"):
            path = tmp_path / name / file
            path.parent.mkdir(exist_ok=True)
            path.touch()
            os.utime(path, (1000 - age, 1000 - age))
    assert latest_run(tmp_path).folder == tmp_path / "c"
    assert latest_model(tmp_path) == tmp_path / "c" / "kernel_cost_model.json"


def test_the_latest_is_what_began_last_however_it_was_copied(
    tmp_path: Path, provenance: Provenance
) -> None:
    for day, name in ((2, "earlier"), (3, "later"), (1, "first")):
        run = Run(tmp_path / name)
        utc = f"2026-11-0{day}T10:00:00+00:00"
        write_document(run.provenance_path, replace(provenance, utc=utc))
        for path in (run.plan_path, run.model_path):
            path.touch()
            os.utime(path, (2000 - day, 2000 - day))
    being_written = tmp_path / f"{PREFIX}x" / "plan.json"
    being_written.parent.mkdir()
    being_written.touch()
    assert latest_run(tmp_path).folder == tmp_path / "later"
    assert latest_model(tmp_path) == tmp_path / "later" / "kernel_cost_model.json"


def test_an_empty_store_says_how_to_fill_it(tmp_path: Path) -> None:
    with pytest.raises(BadInput) as caught:
        latest_run(tmp_path)
    assert "moeprof profile" in caught.value.hint
    with pytest.raises(BadInput) as caught:
        latest_model(tmp_path / "missing")
    assert "moeprof build-model" in caught.value.hint


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


def test_a_folder_that_is_no_run_is_not_told_to_build_one(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="there is no") as caught:
        model_file(tmp_path)
    assert caught.value.hint == "name a run or a model's file"


@pytest.mark.parametrize("find", [find_run, find_model])
def test_an_empty_store_is_refused_with_the_way_out(
    tmp_path: Path, find: Callable[[Path | None, Path], object]
) -> None:
    with pytest.raises(BadInput, match="there is no") as caught:
        find(None, tmp_path)
    assert str(tmp_path) in caught.value.message
    assert "moeprof" in caught.value.hint


def test_a_path_that_is_too_long_is_no_run_and_no_model() -> None:
    longest = Path("x" * 300)
    with pytest.raises(BadInput, match="is not a run"):
        open_run(longest)
    assert model_file(longest) == longest
