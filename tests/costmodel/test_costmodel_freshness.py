"""A model says when its run has changed since, by digests alone."""

import hashlib
import os
from dataclasses import replace
from pathlib import Path

import pytest

from moeprof.costmodel.freshness import stale_sentence, why_stale
from moeprof.store.cost_model import CostModelFile
from moeprof.store.document import write_document
from moeprof.store.fitted_runs import FittedRun
from moeprof.store.plan import Plan
from moeprof.store.recorded.sources import INCOMPLETE
from moeprof.store.run import Run
from moeprof.tests.builders import make_model_file, make_points


@pytest.fixture
def run(tmp_path: Path, plan: Plan) -> Run:
    """Give a run whose points are a file of any bytes, as they are not read."""
    run = Run(tmp_path / "run")
    write_document(run.plan_path, plan)
    run.tables.mkdir()
    run.table("points").write_bytes(b"points")
    return run


@pytest.fixture
def model(run: Run) -> CostModelFile:
    model = make_model_file(make_points(lambda tokens: 10.0 + tokens, [1, 4]))
    fitted = FittedRun(hashlib.sha256(b"points").hexdigest(), run.sources_sha256())
    return replace(model, points_sha256=fitted.points_sha256, runs=(fitted,))


def test_a_model_of_its_run_is_fresh_whatever_the_times(run: Run, model: CostModelFile) -> None:
    for path in (run.plan_path, run.table("points")):
        os.utime(path, (2**32, 2**32))
    assert why_stale(run.model_path, model) is None
    assert stale_sentence(run.model_path, model) is None


def test_other_recordings_or_points_are_told(run: Run, model: CostModelFile) -> None:
    run.table("points").write_bytes(b"others")
    assert why_stale(run.model_path, model) == "was built from other points than its run holds now"
    unit = run.unit("cpu", "new") / "recording.json"
    unit.parent.mkdir(parents=True)
    unit.touch()
    sentence = str(stale_sentence(run.model_path, model))
    assert "was built from other recordings" in sentence
    assert f"moeprof build-model {run.folder}" in sentence


def test_what_was_left_out_and_what_is_unknown_are_told(run: Run, model: CostModelFile) -> None:
    own = model.runs[0]
    incomplete = replace(own, sources_sha256=f"{own.sources_sha256}{INCOMPLETE}")
    assert "damaged" in str(why_stale(run.model_path, replace(model, runs=(incomplete,))))
    assert "did not note" in str(why_stale(run.model_path, replace(model, runs=())))


def test_a_model_outside_a_run_or_without_tables_is_taken_as_it_is(
    run: Run, model: CostModelFile, tmp_path: Path
) -> None:
    assert why_stale(tmp_path / "alone.json", replace(model, runs=())) is None
    run.table("points").unlink()
    assert why_stale(run.model_path, model) is None


def test_another_run_of_a_merged_model_is_compared_where_it_lies_beside(
    run: Run, model: CostModelFile, plan: Plan
) -> None:
    other = Run(run.folder.with_name("other"))
    write_document(other.plan_path, plan)
    fitted = FittedRun("1" * 64, other.sources_sha256(), "other")
    merged = replace(model, runs=(*model.runs, fitted))
    assert why_stale(run.model_path, merged) is None
    write_document(other.plan_path, replace(plan, seed=plan.seed + 1))
    assert why_stale(run.model_path, merged) == (
        f"was built from other recordings than {other.folder} holds now"
    )
    other.folder.rename(other.folder.with_name("elsewhere"))
    assert why_stale(run.model_path, merged) is None
