"""A model file whose content does not have its digest is refused."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from moeprof.costmodel.checksum import with_checksum
from moeprof.costmodel.model import KernelCostModel
from moeprof.store.cost_model import CostModelFile, Origin
from moeprof.store.document import to_json, write_document
from moeprof.store.errors import BadInput
from moeprof.tests.builders import make_model_file, make_points


@pytest.fixture
def file() -> CostModelFile:
    return make_model_file(make_points(lambda size: 10.0 + size, (1, 8, 64)))


def test_a_built_model_holds_its_digest(tmp_path: Path, file: CostModelFile) -> None:
    assert file.sha256 is not None
    assert with_checksum(file) == file
    write_document(tmp_path / "model.json", file)
    assert KernelCostModel.load(tmp_path / "model.json").file == file


@pytest.mark.parametrize(
    "change",
    [
        lambda body: body["curves"][0]["latency_us"].__setitem__(1, 17.9),
        lambda body: body["curves"][0].update(latency_source="kernel"),
        lambda body: body["provenance"].update(device_name="another"),
        lambda body: body.update(points_sha256="1" * 64),
        lambda body: body.update(sha256="0" * 64),
        lambda body: body.update(of_a_later_minor=1),
    ],
)
def test_any_change_is_refused(
    tmp_path: Path, file: CostModelFile, change: Callable[[dict[str, Any]], object]
) -> None:
    body = json.loads(to_json(file))
    change(body)
    path = tmp_path / "model.json"
    path.write_text(json.dumps(body))
    with pytest.raises(BadInput, match="was changed after it was made") as caught:
        KernelCostModel.load(path)
    assert caught.value.hint == "copy it anew from its run, or restore the file"


def _hint_of_a_changed_one(path: Path, file: CostModelFile) -> str:
    write_document(path, replace(file, points_sha256="1" * 64))
    with pytest.raises(BadInput) as caught:
        KernelCostModel.load(path)
    return caught.value.hint


def test_the_way_out_is_the_run_only_where_there_is_one(
    tmp_path: Path, file: CostModelFile
) -> None:
    path = tmp_path / "model.json"
    imported = replace(file, source="imported", origin=Origin("https://x", "0", "MIT", {}))
    assert "moeprof import" in _hint_of_a_changed_one(path, imported)
    (tmp_path / "plan.json").touch()
    hint = f"build the model anew: moeprof build-model {tmp_path}"
    assert _hint_of_a_changed_one(path, file) == hint


def test_the_layout_of_the_text_does_not_change_the_digest(
    tmp_path: Path, file: CostModelFile
) -> None:
    path = tmp_path / "model.json"
    path.write_text(json.dumps(json.loads(to_json(file)), sort_keys=True))
    assert KernelCostModel.load(path).file == file


@pytest.mark.parametrize(("number", "is_read"), [("1.0", True), ("1.1", True), ("1.2", False)])
def test_only_a_file_of_before_1_2_may_lack_its_digest(
    tmp_path: Path, file: CostModelFile, number: str, is_read: bool
) -> None:
    path = tmp_path / "model.json"
    body = json.loads(to_json(replace(file, sha256=None)))
    for lacking in (body, {name: value for name, value in body.items() if name != "sha256"}):
        path.write_text(json.dumps(lacking | {"schema": f"moeprof.kernel_cost_model/{number}"}))
        if is_read:
            assert KernelCostModel.load(path).curves == file.curves
        else:
            with pytest.raises(BadInput, match="changed after it was made: it has no sha256"):
                KernelCostModel.load(path)


@pytest.mark.parametrize("twin", ['"sha256": null', '"preset": "other"', '"schema": "x"'])
def test_no_name_stands_twice(tmp_path: Path, file: CostModelFile, twin: str) -> None:
    path = tmp_path / "model.json"
    for text in (f"{{{twin}, {to_json(file)[1:]}", f"{to_json(file).rstrip()[:-1]}, {twin}}}"):
        path.write_text(text)
        with pytest.raises(BadInput, match=r"an object has '\w+' twice"):
            KernelCostModel.load(path)
