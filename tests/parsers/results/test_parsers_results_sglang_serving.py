"""A run of SGLang's client, with what the server says of itself."""

from typing import Any

import pytest

from moeprof.parsers.results.sglang_serving import read_sglang_serving
from moeprof.store.errors import BadInput
from moeprof.store.serving.serving_row import ServingRow
from moeprof.tests.parsers.results.result_files import SGLANG_SERVING, record


def row_of(server: dict[str, Any] | None = None, **change: Any) -> ServingRow:
    """The row of SGLANG_SERVING with changes of the run and of its server."""
    info = SGLANG_SERVING["server_info"] | (server or {})
    (row,) = read_sglang_serving(record(SGLANG_SERVING | {"server_info": info} | change))
    return row


def test_the_server_states_the_deployment() -> None:
    row = row_of()
    assert (row.model, row.precision, row.engine) == ("deepseek-ai/DeepSeek-V3", "fp8", "sglang")
    assert (row.engine_version, row.max_batched_tokens, row.gpu) == ("0.5.9", 8192, None)
    assert (row.n_gpu, row.tp, row.ep, row.dp) == (8, 8, 8, 1)


def test_the_batch_is_the_rate_times_the_time_from_first_to_last_token() -> None:
    row = row_of()
    assert row.batch == pytest.approx(4.0 * (7.72 - 0.12))
    assert row.batch_kind == "littles_law"
    assert (row.isl, row.osl, row.tpot_ms, row.itl_ms) == (1000, 200, 38, 30)


def test_an_older_file_states_no_server() -> None:
    row = row_of(server_info=None, backend="vllm-chat")
    assert (row.model, row.tp, row.engine) == (None, None, "vllm")
    assert row.batch is not None


def test_attention_that_is_split_by_requests_is_one_instance() -> None:
    row = row_of({"dp_size": 8, "enable_dp_attention": True})
    assert (row.n_gpu, row.tp, row.dp, row.ep) == (8, 1, 8, 8)
    assert row.batch == pytest.approx(30.4)


def test_replicas_are_told_apart() -> None:
    """Two servers of four GPUs behind one address: the row is one of them."""
    row = row_of({"tp_size": 4, "dp_size": 2})
    assert (row.n_gpu, row.tp, row.dp) == (4, 4, 1)
    assert row.batch == pytest.approx(15.2)
    assert row.tput_tok_s == 400
    assert row.note == "one of 2 replicas, each with an equal share of the requests"


@pytest.mark.parametrize(
    ("server", "change", "field"),
    [
        ({"speculative_algorithm": "EAGLE"}, {}, "speculative"),
        ({}, {"accept_length": 2.7}, "speculative"),
        ({"disaggregation_mode": "decode"}, {}, "disaggregated"),
        ({}, {"server_info": {"prefill": [], "decode": []}}, "disaggregated"),
    ],
)
def test_what_makes_a_step_another_is_kept(
    server: dict[str, Any], change: dict[str, Any], field: str
) -> None:
    assert getattr(row_of(server, **change), field)
    assert not getattr(row_of(), field)


def test_pipelines_and_unknown_formats_of_weights() -> None:
    assert row_of({"pp_size": 2}).n_gpu == 16
    assert row_of({"quantization": None}).precision is None
    assert row_of({"quantization": "awq"}).precision is None


def test_a_run_that_completed_nothing_is_refused() -> None:
    with pytest.raises(BadInput, match="completed no request"):
        row_of(completed=0)


def test_a_run_without_a_time_per_token_is_refused() -> None:
    with pytest.raises(BadInput, match="mean_tpot_ms, the time per token, is None"):
        row_of(mean_tpot_ms=None)
