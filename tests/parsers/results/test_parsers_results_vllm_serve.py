"""A run of `vllm bench serve` is one row, its batch by Little's law or by each request."""

from typing import Any

import pytest

from moeprof.parsers.results.vllm_serve import is_vllm_serve, read_vllm_serve
from moeprof.store.errors import BadInput
from moeprof.store.serving.serving_row import ServingRow
from moeprof.tests.parsers.results.result_files import VLLM_SERVE, record


def row_of(**change: Any) -> ServingRow:
    """The row of VLLM_SERVE with a change."""
    (row,) = read_vllm_serve(record(VLLM_SERVE | change))
    return row


def details(requests: int = 160, at_once: int = 16) -> dict[str, Any]:
    """Times of requests of 101 tokens, 10 ms each, `at_once` of them in turns of a second."""
    return {
        "start_times": [1000.0 + request // at_once for request in range(requests)],
        "ttfts": [0.0] * requests,
        "itls": [[0.01] * 100] * requests,
        "output_lens": [101] * requests,
    }


def test_a_run_is_known_by_its_fields() -> None:
    assert is_vllm_serve(record(VLLM_SERVE))
    assert not is_vllm_serve(record({"avg_latency": 3.0}))


def test_the_batch_is_the_rate_times_the_time_that_a_request_decodes() -> None:
    row = row_of()
    assert row.batch == pytest.approx(4.0 * 0.038 * 199)
    assert (row.batch_kind, row.max_concurrency) == ("littles_law", 32)
    assert (row.isl, row.osl, row.ctx) == (1000, 200, 1100)
    assert (row.tpot_ms, row.itl_ms, row.ttft_ms) == (38, 30, 120)
    assert (row.model, row.engine, row.gpu) == ("meta-llama/Llama-3.1-8B-Instruct", None, None)
    assert (row.date, row.note, row.burstiness) == ("2025-11-30", "", None)


def test_end_to_end_times_tell_the_time_of_decoding() -> None:
    assert row_of(mean_e2el_ms=8120.0).batch == pytest.approx(4.0 * 8.0)


def test_the_times_of_requests_tell_how_many_ran() -> None:
    row = row_of(**details())
    assert row.batch == pytest.approx(16)
    assert row.batch_kind == "running_mean"
    assert row.tpot_ms == pytest.approx(10)


def test_metadata_states_the_deployment() -> None:
    row = row_of(gpu="H100", tp="4", precision="fp8", engine="vllm", engine_version="0.13.0")
    assert (row.gpu, row.tp, row.precision) == ("H100", 4, "fp8")
    assert (row.engine, row.engine_version) == ("vllm", "0.13.0")
    assert row_of(backend="vllm").engine == "vllm"


def test_failures_bursts_and_drafts_are_kept() -> None:
    row = row_of(
        failed=32,
        completed=288,
        request_rate=4.4,
        burstiness=0.3,
        spec_decode_acceptance_length=2.4,
    )
    assert (row.failed_share, row.burstiness, row.speculative) == (0.1, 0.3, True)
    assert row.note == "32 of 320 requests failed; arrivals in bursts: burstiness 0.3"


def test_without_a_rate_there_is_no_batch() -> None:
    row = row_of(request_throughput=None)
    assert (row.batch, row.batch_kind, row.tpot_ms) == (None, None, 38)


def test_times_of_requests_need_no_mean() -> None:
    assert row_of(mean_tpot_ms=None, **details()).tpot_ms == pytest.approx(10)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"total_output_tokens": None}, "generated no token"),
        ({"total_output_tokens": 0}, "generated no token"),
        ({"mean_tpot_ms": None}, "mean_tpot_ms, the time per token, is None"),
        ({"mean_tpot_ms": float("nan")}, "the time per token, is nan, and must be above 0"),
        ({"mean_tpot_ms": 0}, "the time per token, is 0"),
        ({"mean_tpot_ms": "fast"}, "mean_tpot_ms is 'fast'"),
        (details() | {"ttfts": [0.1]}, "differ in length"),
        (details() | {"ttfts": ["a"] * 160}, "must be lists of numbers"),
        (details() | {"itls": [1.0] * 160}, "must be lists of numbers"),
    ],
)
def test_what_contradicts_the_format_is_refused(change: dict[str, Any], named: str) -> None:
    with pytest.raises(BadInput, match=named):
        row_of(**change)
