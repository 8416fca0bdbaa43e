"""Entries of InferenceX: times in seconds, throughputs per GPU, lengths by the times."""

from typing import Any

import pytest

from moeprof.parsers.results.inferencex import read_inferencex, read_inferencex_api
from moeprof.store.serving.serving_row import ServingRow
from moeprof.tests.parsers.results.result_files import INFERENCEX, INFERENCEX_API, record


def row_of(**change: Any) -> ServingRow:
    """The row of INFERENCEX with a change."""
    (row,) = read_inferencex(record(INFERENCEX | change))
    return row


def test_lengths_and_batch_follow_from_the_times() -> None:
    row = row_of()
    assert row.osl == pytest.approx((6.665 - 0.4) / 0.035 + 1)
    assert row.isl == pytest.approx(5 * 180)
    assert row.batch == pytest.approx(800 / 180 * 6.265)
    assert (row.batch_kind, row.max_concurrency) == ("littles_law", 32)
    assert (row.tpot_ms, row.itl_ms, row.tput_tok_s) == (35, 700, 800)


def test_the_deployment_is_stated() -> None:
    row = row_of()
    assert (row.gpu, row.n_gpu, row.tp, row.ep, row.dp) == ("B200", 8, 8, 8, 1)
    assert (row.precision, row.engine, row.engine_version) == ("nvfp4", "trtllm", "1.2.0rc2")
    across = row_of(dp_attention="true")
    assert (across.n_gpu, across.tp, across.ep, across.dp) == (8, 1, 8, 8)
    assert row_of(pp=2).n_gpu == 16


@pytest.mark.parametrize(
    ("model", "hardware", "stated", "precision"),
    [
        ("openai/gpt-oss-120b", "mi355x", "fp4", "mxfp4"),
        ("amd/DeepSeek-R1-0528-MXFP4-Preview", "mi355x", "fp4", "mxfp4a"),
        ("nvidia/DeepSeek-R1-0528-FP4-V2", "b200", "fp4", "nvfp4"),
        ("deepseek-ai/DeepSeek-R1-0528", "h200", "fp8", "fp8"),
    ],
)
def test_fp4_is_the_format_of_the_checkpoint(
    model: str, hardware: str, stated: str, precision: str
) -> None:
    assert row_of(model=model, hw=hardware, precision=stated).precision == precision


def test_power_is_of_all_gpus_and_valid() -> None:
    assert (row_of().power_w, row_of().power_scope) == (5600, "gpu_all")
    assert row_of(avg_total_gpu_power_w=5500.0, power_valid=1).power_w == 5500
    assert row_of(power_valid=0).power_w is None
    assert row_of(avg_power_w=None).power_scope is None


def test_drafts_and_split_roles_are_kept() -> None:
    assert row_of(spec_decoding="mtp").speculative
    assert not row_of().speculative
    roles = {
        "disagg": True, "is_multinode": True, "decode_tp": 8, "decode_ep": 8, "num_prefill_gpu": 4,
        "num_decode_gpu": 8,
    }  # fmt: skip
    row = row_of(**roles, tp=None)
    assert (row.disaggregated, row.n_gpu, row.tp) == (True, 12, 8)


def test_the_answer_of_the_api_holds_the_same() -> None:
    (row,) = read_inferencex_api(record(INFERENCEX_API))
    assert (row.model, row.gpu, row.tp, row.n_gpu) == ("dsr1", "MI355X", 4, 4)
    assert (row.precision, row.engine, row.engine_version) == ("mxfp4a", "sglang", "0.5.12")
    assert (row.tpot_ms, row.date) == (9.6, "2026-06-11")
    assert row.power_w == pytest.approx(2515.6)
