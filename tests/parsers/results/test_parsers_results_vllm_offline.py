"""Offline benchmarks of vLLM state a time or a rate, and neither batch nor lengths."""

from typing import Any

import pytest

from moeprof.parsers.results.vllm_offline import read_vllm_latency, read_vllm_throughput
from moeprof.store.errors import BadInput
from moeprof.tests.parsers.results.result_files import VLLM_LATENCY, VLLM_THROUGHPUT, record


def test_the_latency_of_a_static_batch_is_the_median_of_its_iterations() -> None:
    (row,) = read_vllm_latency(record(VLLM_LATENCY))
    assert (row.e2e_ms, row.batch_kind, row.engine) == (2000, "static", "vllm")
    assert (row.batch, row.isl, row.osl, row.tpot_ms) == (None, None, None, None)
    assert row.note == ""


def test_an_iteration_that_warms_up_is_told() -> None:
    (row,) = read_vllm_latency(record(VLLM_LATENCY | {"latencies": [9.0, 2.0, 2.0]}))
    assert row.e2e_ms == 2000
    assert row.note.startswith("no warm-up")


def test_throughput_is_a_rate_of_requests() -> None:
    (row,) = read_vllm_throughput(record(VLLM_THROUGHPUT))
    assert (row.requests_per_s, row.tpot_ms) == (4, None)
    assert "follows from the batch" in row.note


@pytest.mark.parametrize("latencies", [[], "fast", [2.0, -1.0], [2.0, "x"], [2.0, None]])
def test_times_that_are_none_are_refused(latencies: Any) -> None:
    with pytest.raises(BadInput, match="latencies"):
        read_vllm_latency(record(VLLM_LATENCY | {"latencies": latencies}))


def test_a_run_without_requests_is_refused() -> None:
    with pytest.raises(BadInput, match="must be above 0"):
        read_vllm_throughput(record(VLLM_THROUGHPUT | {"num_requests": 0}))
