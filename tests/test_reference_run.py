"""The tracked reference run: every reading command works on it, and no host is named in it."""

import re
import shutil
from pathlib import Path

import pytest

import moeprof
from moeprof.pipeline.cost import Cost, CostQuery, look_up
from moeprof.report.page import render_report
from moeprof.store.document import read_document
from moeprof.store.provenance import Provenance
from moeprof.store.run import Run, open_run
from moeprof.store.tables.parquet import read_table
from moeprof.store.verdicts.verdict import Validation

REFERENCE = Path(__file__).parents[1] / "artifacts" / "reference" / "cpu-small"
OPS = {"dequant_linear", "dequant_unpack", "fc1", "fc2", "gelu", "relu", "topk"}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A copy of the reference run, parsed, built and validated again."""
    folder = tmp_path_factory.mktemp("reference") / "cpu-small"
    shutil.copytree(REFERENCE, folder)
    shutil.rmtree(folder / "tables")
    Run(folder).model_path.unlink()
    moeprof.build_model(folder)
    moeprof.validate(folder)
    return open_run(folder)


def test_it_says_that_a_cpu_was_measured_and_that_energy_was_not() -> None:
    model = moeprof.load(REFERENCE)
    assert model.file.provenance.device == "cpu"
    assert {curve.op for curve in model.curves} == OPS
    assert all(curve.energy_mj is None and curve.energy_reason for curve in model.curves)


def test_its_recordings_give_its_points_again(run: Run) -> None:
    tracked = read_table(Run(REFERENCE).table("points"), "points")
    assert read_table(run.table("points"), "points").equals(tracked)


def test_the_model_built_again_covers_the_same_sizes(run: Run) -> None:
    built, tracked = moeprof.load(run.folder), moeprof.load(REFERENCE)
    for op in OPS:
        mine, theirs = built.get_cost(op, 100), tracked.get_cost(op, 100)
        assert mine.latency_us == pytest.approx(theirs.latency_us, rel=0.05)
    assert built.file.unmeasured == tracked.file.unmeasured == {}


def test_it_can_be_looked_up_validated_and_reported(run: Run) -> None:
    answer = look_up(moeprof.load(run.folder), CostQuery(op="fc1", batch_size=37))
    assert isinstance(answer, Cost)
    assert answer.latency_us_lo < answer.latency_us < answer.latency_us_hi
    verdict = read_document(run.validation_path, Validation)
    assert {curve.op for curve in verdict.curves} == OPS
    assert "fc1" in render_report(run)


def test_no_host_and_no_path_is_in_it() -> None:
    assert read_document(Run(REFERENCE).provenance_path, Provenance).host_hash == "0" * 12
    for path in REFERENCE.rglob("*"):
        if path.suffix in {".json", ".toml", ".py", ".html"}:
            text = path.read_text(encoding="utf-8")
            assert str(REFERENCE.parents[2]) not in text, path
            assert not re.search(r"[\"'\s](/home/|/root|/tmp/|/usr/)", text), path
