"""Results of ML.ENERGY: measured batches, and the power of all GPUs."""

import pytest

from moeprof.parsers.results.mlenergy import (
    is_mlenergy_v3,
    read_mlenergy_benchmark,
    read_mlenergy_v2,
    read_mlenergy_v3,
)
from moeprof.store.errors import BadInput
from moeprof.tests.parsers.results.result_files import (
    MLENERGY_BENCHMARK,
    MLENERGY_V2,
    MLENERGY_V3,
    record,
)


def test_version_2_has_energy_per_request() -> None:
    (row,) = read_mlenergy_v2(record(MLENERGY_V2))
    assert row.power_w == pytest.approx(160 * 1400 / 400)
    assert (row.power_scope, row.batch_kind, row.precision) == ("gpu_all", "running_mean", None)
    assert (row.model, row.gpu) == ("google/gemma-2-27b-it", "NVIDIA H100 80GB HBM3")
    assert (row.batch, row.tpot_ms, row.n_gpu, row.tp) == (127, 90, 2, 2)
    assert (row.isl, row.osl) == (None, 400)


def test_version_3_has_a_row_for_each_configuration() -> None:
    one, other = read_mlenergy_v3(record(MLENERGY_V3))
    assert (one.batch, one.tpot_ms, one.itl_ms, one.power_w) == (16, 40, 39, 1800)
    assert (one.precision, one.isl, one.task) == ("fp8", None, "lm-arena-chat")
    assert (one.n_gpu, one.tp, one.ep, one.dp) == (2, 2, 2, 1)
    assert (other.n_gpu, other.tp, other.ep, other.dp) == (4, 1, 4, 4)
    assert one.row_id != other.row_id


def test_images_and_runs_of_another_form_are_none_of_it() -> None:
    image = {"batch_size": 4, "batch_latency_s": 3.0}
    assert not is_mlenergy_v3(record(MLENERGY_V3 | {"configurations": [image]}))
    broken = MLENERGY_V3["configurations"][0] | {"parallelization": "tp2"}
    with pytest.raises(BadInput, match="run 0: parallelization must be an object"):
        read_mlenergy_v3(record(MLENERGY_V3 | {"configurations": [broken]}))


def test_the_benchmark_itself_has_the_energy_of_its_steady_state() -> None:
    (row,) = read_mlenergy_benchmark(record(MLENERGY_BENCHMARK))
    assert (row.power_w, row.power_scope) == (1000, "gpu_all")
    assert (row.gpu, row.n_gpu, row.engine, row.tp) == ("H100", 2, "vllm", None)
    assert (row.isl, row.max_batched_tokens, row.batch_kind) == (1000, 8192, "littles_law")
