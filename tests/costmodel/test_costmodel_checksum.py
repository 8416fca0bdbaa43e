"""A model file whose content does not have its digest is refused."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from moeprof.costmodel.checksum import verify_checksum, with_checksum
from moeprof.costmodel.model import KernelCostModel
from moeprof.store.cost_model import CostModelFile
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
    verify_checksum(tmp_path / "model.json")


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
    assert "moeprof build-model" in caught.value.hint


def test_the_layout_of_the_text_does_not_change_the_digest(
    tmp_path: Path, file: CostModelFile
) -> None:
    path = tmp_path / "model.json"
    path.write_text(json.dumps(json.loads(to_json(file)), sort_keys=True))
    assert KernelCostModel.load(path).file == file


def test_a_file_without_a_digest_is_read(tmp_path: Path, file: CostModelFile) -> None:
    write_document(tmp_path / "model.json", replace(file, sha256=None))
    assert KernelCostModel.load(tmp_path / "model.json").curves == file.curves
