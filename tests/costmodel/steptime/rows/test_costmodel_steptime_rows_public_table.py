"""Tidy tables of public results are read, and others are refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from moeprof.costmodel.steptime.rows.measured_once import REPEATED
from moeprof.costmodel.steptime.rows.models_table import read_models
from moeprof.costmodel.steptime.rows.public_table import (
    engine_generation,
    read_rows,
    read_table,
)
from moeprof.store.errors import BadInput
from moeprof.tests.costmodel.steptime.whole_models import LLAMA_3_8B

HEADER = (
    "model,L,d,h,kv,hd,ff,vocab,E,k,mff,shared_ff,dense_first,moe_every,full_attn,window,gated,"
    "tied,lin_attn_params,topk_ctx,mla_kv_lora,mla_q_lora,mla_rope,mla_nope,mla_v\n"
)
DEEPSEEK = (
    "deepseek-v3,61,7168,128,128,128,18432,129280,256,8,2048,2048,3,1,1.0,0,3,0,0,0,"
    "512.0,1536.0,64.0,128.0,128.0\n"
)
ROW: dict[str, Any] = {
    "source": "s", "row_id": "r", "model": "deepseek-v3", "gpu": "B200", "n_gpu": 8, "tp": 8,
    "ep": 1, "dp": 1, "precision": "fp8", "engine": "trt", "engine_version": None,
    "task": "random", "batch": 64.0, "batch_kind": "max_conc", "isl": 1000.0, "osl": 500.0,
    "ctx": 1250.0, "itl_ms": 19.0, "tpot_ms": 20.0, "pf_tok_s": None, "power_w": 4000.0,
    "power_scope": "gpu_all", "tput_tok_s": None,
}  # fmt: skip


def written(folder: Path, *changes: dict[str, Any]) -> Path:
    """A table of ROW, one with each of the changes."""
    rows = [ROW | {"row_id": f"{at}"} | change for at, change in enumerate(changes or ({},))]
    path = folder / "serving_rows.parquet"
    pq.write_table(pa.table({key: [row[key] for row in rows] for key in ROW}), path)
    return path


@pytest.fixture
def models(tmp_path: Path) -> dict[str, Any]:
    """The models of a models.csv."""
    path = tmp_path / "models.csv"
    path.write_text(HEADER + DEEPSEEK)
    return read_models(path)


def test_a_row_is_a_mean_step_with_the_prefills_of_others(
    tmp_path: Path, models: dict[str, Any]
) -> None:
    rows, refused = read_rows(written(tmp_path), models)
    assert (rows.step_us.tolist(), rows.decode_us.tolist()) == ([20_000], [19_000])
    assert rows.steps.prefill_tokens.tolist() == [128]  # 64 requests bring 1000 in 500 steps
    assert rows.steps.prefill_share.tolist() == [64 / 500]
    assert (rows.power_w.tolist(), rows.engines.tolist()) == ([4000], ["trtllm"])
    assert refused.by_reason == {}


def test_expert_parallelism_of_a_model_without_experts_is_none(tmp_path: Path) -> None:
    llama = {"llama-3-8b": LLAMA_3_8B}
    path = written(tmp_path, {"model": "llama-3-8b", "ep": 8})
    (served,) = read_rows(path, llama)[0].deployments
    assert (served.tp, served.ep) == (8, 1)


def test_a_static_batch_prefills_once_and_a_measured_rate_counts(
    tmp_path: Path, models: dict[str, Any]
) -> None:
    path = written(tmp_path, {"batch_kind": "static"}, {"pf_tok_s": 5000.0})
    steps = read_rows(path, models)[0].steps
    assert steps.prefill_share.tolist() == [1 / 500, 0.1]
    assert steps.prefill_tokens.tolist() == [128, 100]


def test_a_row_tells_its_time_and_what_arrives(tmp_path: Path, models: dict[str, Any]) -> None:
    path = written(tmp_path, {}, {}, {"batch": 65.0})
    table = pq.read_table(path)
    more: dict[str, Any] = {
        "time_s": pa.array([None, 5.0, None]),
        "date": pa.array(["2025-12", "2025-12", "run17"]),
        "burstiness": pa.array([0.25, 1.0, None]),
    }
    for name, values in more.items():
        table = table.append_column(name, values)
    pq.write_table(table, path)
    rows, _ = read_rows(path, models)
    assert rows.time_s[:2].tolist() == [1764547200.0, 5.0]
    assert np.isnan(rows.time_s[2])
    assert rows.workload.tolist() == ["bursty", "mixed", "mixed"]


def test_streams_in_chunks_tell_no_step_and_power_beyond_the_tdp_none(
    tmp_path: Path, models: dict[str, Any]
) -> None:
    rows, _ = read_rows(written(tmp_path, {"itl_ms": 200.0, "power_w": 9000.0}), models)
    assert np.isnan(rows.decode_us).all()
    assert np.isnan(rows.power_w).all()
    assert rows.step_us.tolist() == [20_000]


def test_a_source_whose_decode_steps_exceed_its_mean_steps_has_no_means(
    tmp_path: Path, models: dict[str, Any]
) -> None:
    """The table says that the interval is one step, which then is longer than the mean."""
    path = written(tmp_path, {"itl_ms": 30.0}, {}, {"source": "t", "batch": 65.0})
    table = pq.read_table(path)
    pq.write_table(table.append_column("itl_is_step", pa.array([True] * 3)), path)
    rows, _ = read_rows(path, models)
    assert np.isnan(rows.step_us).tolist() == [True, True, False]
    assert rows.decode_us.tolist() == [30_000, 19_000, 19_000]


@pytest.mark.parametrize(
    ("engine", "version", "name"),
    [
        ("vllm", "0.11.1", "vllm"),
        ("vllm", "v0.13.0", "vllm"),
        ("vllm", "0.5.4", "vllm-v0"),
        ("trtllm", "2024", "trtllm-2024"),
        ("trt", "", "trtllm"),
        ("sglang", "0.5.9", "sglang"),
    ],
)
def test_engines_are_told_apart_by_generation(engine: str, version: str, name: str) -> None:
    assert engine_generation(engine, version) == name


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"gpu": "TPUv5"}, "the GPU 'TPUv5' is unknown"),
        ({"precision": "fp3"}, "the precision 'fp3' is unknown"),
        ({"engine": None}, "engine is not named"),
        ({"tp": 3, "n_gpu": 3}, "3 GPUs cannot share the 128 heads"),
    ],
)
def test_a_row_of_an_unknown_name_is_refused_alone(
    tmp_path: Path, models: dict[str, Any], change: dict[str, Any], named: str
) -> None:
    rows, refused = read_rows(written(tmp_path, {}, change), models)
    assert rows.name.tolist() == ["0"]
    ((reason, count),) = refused.by_reason.items()
    assert named in reason
    assert count == 1


def test_rows_are_read_in_one_order_and_copies_once(tmp_path: Path, models: dict[str, Any]) -> None:
    """A value that is NaN is one that is unknown, and a copy under another name is none."""
    changes: list[dict[str, Any]] = [
        {"row_id": "b", "batch": 32.0}, {"row_id": "a"}, {"row_id": "c", "power_w": float("nan")},
        {"row_id": "d", "power_w": None}, {"row_id": "e"},
    ]  # fmt: skip
    rows, refused = read_rows(written(tmp_path, *changes), models)
    assert rows.name.tolist() == ["a", "b", "c"]
    assert refused.left_out == {REPEATED: 2}
    again, _ = read_rows(written(tmp_path, *reversed(changes)), models)
    assert again.name.tolist() == rows.name.tolist()


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"gpu": "TPUv5"}, "TPUv5"),
        ({"precision": "fp3"}, "fp3"),
        ({"model": "b"}, "1 of 1 rows cannot be true"),
        ({"tpot_ms": 0.02, "itl_ms": None}, "faster than reading"),
    ],
)
def test_a_table_without_a_usable_row_is_refused(
    tmp_path: Path, models: dict[str, Any], change: dict[str, Any], named: str
) -> None:
    with pytest.raises(BadInput, match=named):
        read_rows(written(tmp_path, change), models)


def test_other_files_are_refused(tmp_path: Path, models: dict[str, Any]) -> None:
    path = tmp_path / "other.parquet"
    path.write_text("no table")
    with pytest.raises(BadInput, match="no Parquet table"):
        read_table(path)
    pq.write_table(pa.table({"model": ["deepseek-v3"]}), path)
    with pytest.raises(BadInput, match="no table of serving rows"):
        read_rows(path, models)
