"""Traces are read once: the sweep that checks one keeps its tables for all who need them later."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from moeprof.parsers import recording_tables as readers
from moeprof.pipeline.parse import parse_run
from moeprof.profiler.collectors.kineto import KinetoCollector
from moeprof.profiler.job import Job
from moeprof.profiler.power.power_pass import kernels_of
from moeprof.store.document import write_document
from moeprof.store.run import Run
from moeprof.tests.profiler.collectors.test_profiler_collectors_kineto import leave_a_trace

MakeJob = Callable[..., Job]


@pytest.fixture
def run(make_job: MakeJob) -> Run:
    """A run of one operation whose trace was checked."""
    job = make_job()
    leave_a_trace(job, calls=2)
    write_document(job.run.plan_path, job.plan)
    (recording,) = KinetoCollector().collect(job)
    job.run.keep(recording)
    return job.run


def tables(run: Run) -> dict[str, bytes]:
    parse_run(run)
    return {path.name: path.read_bytes() for path in run.tables.iterdir()}


def refuse(path: Path) -> None:
    raise AssertionError(f"{path} is read again")


def test_after_the_sweep_nobody_reads_a_trace_again(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readers, "read_kineto", refuse)
    assert {"calls.parquet", "launches.parquet", "points.parquet"} <= tables(run).keys()
    assert set(kernels_of("gelu", run.recordings())) == {1, 2, 3, 4}


def test_what_was_kept_and_the_trace_itself_give_the_same_tables(run: Run) -> None:
    kept = tables(run)
    shutil.rmtree(run.unit("kineto", "gelu.0") / "tables")
    assert tables(run) == kept


def test_tables_that_are_damaged_are_made_of_the_trace_again(run: Run) -> None:
    kept = tables(run)
    for path in (run.unit("kineto", "gelu.0") / "tables").iterdir():
        path.write_bytes(path.read_bytes()[:-9])
    assert tables(run) == kept
