"""A folder of rows becomes a model file, or nothing."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from moeprof.costmodel.steptime.rows.measured_once import REPEATED
from moeprof.pipeline.steptime.fit import fit_steps
from moeprof.store.document import read_document, to_json
from moeprof.store.errors import BadInput
from moeprof.store.recording import sha256_of
from moeprof.store.serving.step_time_model import StepTimeFile
from moeprof.tests.costmodel.steptime.composition.kernel_folder import kernel_file, kernel_folder
from moeprof.tests.costmodel.steptime.public_folder import public_folder


def test_a_folder_is_fitted_and_its_files_are_named(tmp_path: Path) -> None:
    out = tmp_path / "step_time_model.json"
    file = fit_steps(public_folder(tmp_path), out)
    assert read_document(out, StepTimeFile) == file
    assert set(file.files) == {"serving_rows.parquet", "models.csv"}
    mean = file.steps["mean"]
    assert (mean.rows, mean.configurations, file.refused) == (36, 6, {})


def test_the_order_of_rows_and_copies_of_them_change_nothing(tmp_path: Path) -> None:
    """But the sha256 of the table that they are in."""
    path, out = public_folder(tmp_path) / "serving_rows.parquet", tmp_path / "m.json"
    first = fit_steps(tmp_path, out)
    table = pq.read_table(path)
    order = np.random.default_rng(0).permutation(len(table))
    pq.write_table(pa.concat_tables([table, table]).take(pa.array([*order, *order + 36])), path)
    again = fit_steps(tmp_path, out)
    assert again.left_out == {REPEATED: 36}
    same = replace(again, files=first.files, left_out=first.left_out)
    assert to_json(same) == to_json(first)


@pytest.mark.parametrize("factor", [1e-3, 1e-2])
def test_steps_in_another_unit_give_no_file(tmp_path: Path, factor: float) -> None:
    out = tmp_path / "step_time_model.json"
    with pytest.raises(BadInput, match="cannot be true"):
        fit_steps(public_folder(tmp_path, tpot_factor=factor), out)
    assert not out.exists()


def test_a_model_takes_the_place_of_no_input(tmp_path: Path) -> None:
    table = public_folder(tmp_path) / "serving_rows.parquet"
    content = table.read_bytes()
    (tmp_path / "link").symlink_to(table)
    for out in (table, tmp_path / "link", tmp_path / "models.csv"):
        with pytest.raises(BadInput, match="is a file that the fit reads"):
            fit_steps(tmp_path, out)
    assert table.read_bytes() == content


def test_where_no_model_can_be_written_nothing_is_fitted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("moeprof.pipeline.steptime.fit.read_folder", None)
    table = public_folder(tmp_path) / "serving_rows.parquet"
    for out in (tmp_path, table / "m.json"):
        with pytest.raises(BadInput, match="cannot write"):
            fit_steps(tmp_path, out)


def test_kernels_enter_the_fit_of_their_gpu(tmp_path: Path) -> None:
    out, kernels = tmp_path / "step_time_model.json", kernel_file(tmp_path)
    file = fit_steps(kernel_folder(tmp_path), out, "mean", "physics", kernels)
    assert read_document(out, StepTimeFile) == file
    found = file.steps["mean"].kernels
    assert found is not None
    assert (found.rows, found.configurations, found.refused) == (36, 6, {})
    assert found.sha256 == sha256_of(kernels)


def test_kernels_without_rows_of_their_gpu_give_no_file(tmp_path: Path) -> None:
    out = tmp_path / "step_time_model.json"
    with pytest.raises(BadInput, match="12 of 12 rows of NVIDIA H200, of 2 configurations"):
        fit_steps(public_folder(tmp_path), out, "mean", "physics", kernel_file(tmp_path))
    assert not out.exists()


def test_kernels_need_the_physics_fit(tmp_path: Path) -> None:
    out = tmp_path / "step_time_model.json"
    with pytest.raises(BadInput, match="blackbox predicts mean steps") as caught:
        fit_steps(kernel_folder(tmp_path), out, "mean", "blackbox", kernel_file(tmp_path))
    assert "--method physics" in caught.value.hint
    assert not out.exists()
