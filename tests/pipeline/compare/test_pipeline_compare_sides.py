"""What OLD or NEW may name."""

import json
from pathlib import Path

import pytest

from moeprof.pipeline.build import build_model
from moeprof.pipeline.compare.sides import read_side
from moeprof.pipeline.measure.progress import SILENT, Warnings
from moeprof.store.errors import BadInput
from moeprof.store.run import Run


def test_a_run_is_parsed_where_its_tables_are_missing(recorded: Run) -> None:
    kind, side = read_side(recorded.folder, Warnings(SILENT))
    assert kind == "runs"
    assert set(side.ops.values()) == {"gelu"}
    assert side.conditions["threads"] == "1"
    assert recorded.table("points").is_file()


def test_a_model_is_named_by_its_file_or_its_folder(recorded: Run, tmp_path: Path) -> None:
    model = build_model(recorded.folder).path
    alone = tmp_path / "alone"
    alone.mkdir()
    (alone / model.name).write_bytes(model.read_bytes())
    sides = [read_side(path, Warnings(SILENT))[1] for path in (model, alone)]
    assert sides[0].values == sides[1].values
    assert sides[0].values["latency"]


def test_a_document_of_a_benchmark_is_told_from_a_model(tmp_path: Path) -> None:
    path = tmp_path / "b.json"
    path.write_text(json.dumps({"goals": [{"name": "a", "value": 1.0, "unit": "s"}]}))
    assert read_side(path, Warnings(SILENT))[0] == "benchmarks"


@pytest.mark.parametrize("content", ["", "[1]", "{", "[" * 10**5])
def test_a_file_that_is_neither_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "b.json"
    path.write_text(content)
    with pytest.raises(BadInput):
        read_side(path, Warnings(SILENT))


def test_what_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="neither a folder nor a file"):
        read_side(tmp_path / "nothing", Warnings(SILENT))
