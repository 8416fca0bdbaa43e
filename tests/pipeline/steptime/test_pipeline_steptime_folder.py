"""A folder's models are those of its table and of its config.json files."""

import json
from pathlib import Path

import pytest

from moeprof.pipeline.steptime.folder import config_path, files_of, folder_models, read_folder
from moeprof.store.errors import BadInput
from moeprof.tests.costmodel.steptime.public_folder import public_folder
from moeprof.tests.pipeline.steptime.published import LLAMA_CONFIG


def with_config(folder: Path, name: str) -> None:
    """Put a config.json where the folder keeps those."""
    path = config_path(folder, name)
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(LLAMA_CONFIG))


def test_models_come_from_both_places(tmp_path: Path) -> None:
    assert folder_models(tmp_path) == {}
    public_folder(tmp_path)
    with_config(tmp_path, "Own-8B")
    models = folder_models(tmp_path)
    assert sorted(models) == ["Own-8B", "llama-3-8b", "mixtral-8x7b"]
    assert models["Own-8B"].name == "Own-8B"
    assert models["Own-8B"].layers == 32


def test_rows_and_files_of_a_folder(tmp_path: Path) -> None:
    public_folder(tmp_path)
    with_config(tmp_path, "Own-8B")
    rows, refused = read_folder(tmp_path)
    assert (len(rows), refused.by_reason) == (36, {})
    assert sorted(files_of(tmp_path)) == [
        "models.csv", "models/Own-8B/config.json", "serving_rows.parquet",
    ]  # fmt: skip


def test_a_name_that_both_places_have_is_refused(tmp_path: Path) -> None:
    public_folder(tmp_path)
    with_config(tmp_path, "llama-3-8b")
    with pytest.raises(BadInput, match="the model llama-3-8b twice"):
        folder_models(tmp_path)


def test_what_is_no_folder_of_rows_and_models_is_refused_with_the_way_out(tmp_path: Path) -> None:
    table = public_folder(tmp_path) / "serving_rows.parquet"
    with pytest.raises(BadInput, match="is a file") as refusal:
        read_folder(table)
    assert refusal.value.hint.endswith(str(tmp_path))
    (tmp_path / "models.csv").unlink()
    with pytest.raises(BadInput, match="has no model"):
        read_folder(tmp_path)
    table.unlink()
    for folder, named in ((tmp_path, "has no serving_rows"), (tmp_path / "x", "is no folder")):
        with pytest.raises(BadInput, match=named) as refusal:
            read_folder(folder)
        assert "moeprof steptime read" in refusal.value.hint
