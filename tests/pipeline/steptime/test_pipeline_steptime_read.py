"""Result files become rows of a folder that a fit takes; what cannot be true leaves no trace."""

import gzip
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from moeprof.costmodel.steptime.rows.values import NO_STEP
from moeprof.pipeline.steptime.fit import fit_steps
from moeprof.pipeline.steptime.folder import read_folder
from moeprof.pipeline.steptime.read import ReadRows, read_files
from moeprof.pipeline.steptime.stated import Stated
from moeprof.store.errors import BadInput
from moeprof.store.serving.rows_table import ROWS_FILE, read_rows_table
from moeprof.tests.costmodel.steptime.public_folder import public_folder
from moeprof.tests.parsers.results.result_files import (
    MLENERGY_V3,
    ONE_BATCH,
    VLLM_LATENCY,
    VLLM_THROUGHPUT,
    written,
)
from moeprof.tests.pipeline.steptime.published import config_file, served

STATED = Stated(gpu="H100", tp=1, precision="bf16", engine="vllm")


@pytest.fixture
def stated(tmp_path: Path) -> Stated:
    """What a result of `vllm bench serve` leaves out."""
    return replace(STATED, model=str(config_file(tmp_path)))


def read(tmp_path: Path, stated: Stated, *results: Any) -> ReadRows:
    """Read results, each a file of its own, into tmp_path/rows."""
    paths = [written(tmp_path / f"{at}.json", result) for at, result in enumerate(results)]
    return read_files(paths, stated, tmp_path / "rows")


def columns(tmp_path: Path) -> dict[str, list[Any]]:
    """The table of tmp_path/rows."""
    found: dict[str, list[Any]] = read_rows_table(tmp_path / "rows" / ROWS_FILE).to_pydict()
    return found


def test_a_result_becomes_a_row_with_its_model(tmp_path: Path, stated: Stated) -> None:
    found = read(tmp_path, stated, served(16))
    assert (found.added, found.replaced, found.notes) == (1, 0, {})
    table = columns(tmp_path)
    assert table["model"] == ["Llama-3.1-8B-Instruct"]
    assert (table["gpu"], table["n_gpu"], table["ep"]) == (["H100"], [1], [1])
    assert table["batch"] == [pytest.approx(16)]
    assert (table["batch_kind"], table["isl_assumed"]) == (["littles_law"], [False])
    rows, _ = read_folder(tmp_path / "rows")
    assert rows.step_us.tolist() == [pytest.approx(12_200)]
    assert rows.decode_us.tolist() == [pytest.approx(11_590)]


def test_files_of_many_configurations_are_fitted(tmp_path: Path, stated: Stated) -> None:
    for gpu in ("H100", "H200", "B200", "A100-80G", "H100-NVL"):
        results = [served(batch) | {"label": gpu} for batch in (1, 2, 4, 8, 16, 32, 64)]
        assert read(tmp_path, replace(stated, gpu=gpu), *results).added == 7
    file = fit_steps(tmp_path / "rows", tmp_path / "m.json")
    assert {kind: (one.rows, one.configurations) for kind, one in file.steps.items()} == {
        "mean": (35, 5), "decode": (35, 5),
    }  # fmt: skip
    assert "models/Llama-3.1-8B-Instruct/config.json" in file.files


def test_values_that_are_left_out_stand_in_the_model(tmp_path: Path, stated: Stated) -> None:
    for gpu in ("H100", "H200", "B200", "A100-80G", "H100-NVL"):
        results = [served(batch, median_itl_ms=500.0) | {"label": gpu} for batch in range(1, 8)]
        read(tmp_path, replace(stated, gpu=gpu), *results)
    file = fit_steps(tmp_path / "rows", tmp_path / "m.json", "mean", "physics")
    assert file.refused == {}
    assert file.left_out == {NO_STEP: 35}


def test_the_same_file_twice_is_one_row_and_may_be_corrected(
    tmp_path: Path, stated: Stated
) -> None:
    read(tmp_path, stated, served(16))
    again = read(tmp_path, replace(stated, gpu="H200"), served(16))
    assert (again.added, again.replaced) == (0, 1)
    assert columns(tmp_path)["gpu"] == ["H200"]


def test_the_same_result_under_two_names_is_one_row_gzipped_or_not(
    tmp_path: Path, stated: Stated
) -> None:
    first = written(tmp_path / "a.json", served(16))
    packed = tmp_path / "b.json.gz"
    packed.write_bytes(gzip.compress(first.read_bytes()))
    found = read_files([first, packed, first], stated, tmp_path / "rows")
    assert (found.added, found.refused.rows) == (1, 1)
    assert len(columns(tmp_path)["row_id"]) == 1


def test_an_interval_that_is_no_step_is_marked(tmp_path: Path, stated: Stated) -> None:
    found = read(tmp_path, stated, served(16, median_itl_ms=200.0), served(16, label="x"))
    assert columns(tmp_path)["itl_is_step"] == [False, True]
    assert list(found.refused.left_out.values()) == [1]


def test_lengths_may_be_told_where_the_file_has_none(tmp_path: Path, stated: Stated) -> None:
    told = replace(stated, engine=None, batch=8.0, isl=1000.0, osl=200.0)
    read(tmp_path, told, VLLM_LATENCY, VLLM_THROUGHPUT)
    table = columns(tmp_path)
    assert table["tpot_ms"] == [2000 / 200, 1e3 * 8 / (4 * 200)]
    assert table["batch_kind"] == ["static", "told"]
    assert table["isl_assumed"] == [True, True]
    with pytest.raises(BadInput, match="does not state the mean tokens of an output"):
        read(tmp_path, replace(told, osl=None), VLLM_LATENCY)


def test_more_than_half_that_cannot_be_true_leave_no_file(tmp_path: Path, stated: Stated) -> None:
    seconds = [served(batch, factor=1e-3, max_concurrency=None) for batch in (8, 16)]
    with pytest.raises(BadInput, match=r"0\.json and 1 more: 2 of 2 rows cannot be true"):
        read(tmp_path, stated, *seconds)
    assert not (tmp_path / "rows").exists()


def test_a_table_of_something_else_is_found_before_anything_is_written(
    tmp_path: Path, stated: Stated
) -> None:
    (tmp_path / "rows").mkdir()
    (tmp_path / "rows" / ROWS_FILE).write_text("no table")
    with pytest.raises(BadInput, match="no Parquet table"):
        read(tmp_path, stated, served(16))
    assert [path.name for path in (tmp_path / "rows").iterdir()] == [ROWS_FILE]


def test_refused_rows_are_told_and_kept_in_the_table(tmp_path: Path, stated: Stated) -> None:
    drafts = served(16) | {"spec_decode_acceptance_length": 2.5}
    found = read(tmp_path, stated, served(8), served(16), drafts)
    assert list(found.refused.by_reason.values()) == [1]
    assert found.added == 3
    rows, refused = read_folder(tmp_path / "rows")
    assert (len(rows), refused.count) == (2, 1)


def test_a_broken_second_file_leaves_nothing(tmp_path: Path, stated: Stated) -> None:
    whole = json.dumps(served(16))
    (tmp_path / "cut.json").write_text(whole[: len(whole) // 2])
    paths = [written(tmp_path / "r.json", served(8)), tmp_path / "cut.json"]
    with pytest.raises(BadInput, match=r"cut\.json.*no JSON"):
        read_files(paths, stated, tmp_path / "rows")
    assert not (tmp_path / "rows").exists()


def test_a_file_of_many_states_its_own_deployments(tmp_path: Path) -> None:
    config, result = config_file(tmp_path, "own"), MLENERGY_V3 | {"model_id": "Llama-3.1-8B"}
    with pytest.raises(BadInput, match="does not state the mean tokens of a prompt"):
        read(tmp_path, Stated(model=str(config)), result)
    read(tmp_path, Stated(model=str(config), isl=250.0), result)
    table = columns(tmp_path)
    assert table["gpu"] == ["B200", "B200"]
    assert table["isl_assumed"] == [True, True]


def test_own_rows_are_added_to_a_copy_of_others_and_fitted_together(
    tmp_path: Path, stated: Stated
) -> None:
    folder = tmp_path / "rows"
    folder.mkdir()
    public_folder(folder)
    assert read(tmp_path, stated, served(8), served(16)).added == 2
    file = fit_steps(folder, tmp_path / "m.json", "mean", "physics")
    assert file.steps["mean"].rows == 38
    assert file.steps["mean"].models == ("Llama-3.1-8B-Instruct", "llama-3-8b", "mixtral-8x7b")
    assert {"models.csv", "models/Llama-3.1-8B-Instruct/config.json"} <= set(file.files)


def test_one_batch_of_sglang_needs_no_lengths(tmp_path: Path, stated: Stated) -> None:
    read(tmp_path, replace(stated, engine=None), ONE_BATCH)
    table = columns(tmp_path)
    assert (table["engine"], table["batch"], table["itl_ms"]) == (["sglang"], [16], [20])


def test_a_config_that_tells_its_precision_needs_no_option(tmp_path: Path, stated: Stated) -> None:
    quantised = config_file(tmp_path, "own", quantization_config={"quant_method": "fp8"})
    found = read(tmp_path, replace(stated, model=str(quantised), precision=None), served(16))
    assert columns(tmp_path)["precision"] == ["fp8"]
    assert found.notes == {"weights in fp8, as the model's own file says": 1}
    read(tmp_path, replace(stated, model=None, precision=None), served(8))
    assert columns(tmp_path)["precision"] == ["fp8", "fp8"]


def test_a_precision_of_the_file_that_does_not_count_is_asked_for(
    tmp_path: Path, stated: Stated
) -> None:
    eight = {"quant_method": "bitsandbytes", "load_in_8bit": True}
    config = config_file(tmp_path, "own", quantization_config=eight)
    with pytest.raises(BadInput, match="does not state the precision of the weights"):
        read(tmp_path, replace(stated, model=str(config), precision=None), served(16))
