"""A row that contradicts itself, or is no run of one model, is refused by reason."""

from dataclasses import replace
from typing import Any

import pytest

from moeprof.costmodel.steptime.rows.stated import (
    FAILED,
    MISSING,
    MULTI_NODE,
    MULTIMODAL,
    NO_NUMBER,
    NO_SPLIT,
    OVER_LIMIT,
    PIPELINE,
    SPECULATIVE,
    TOO_LONG,
    UNKNOWN_MODEL,
    WRONG_BATCH,
    WRONG_CONTEXT,
    WRONG_GPUS,
    WRONG_OUTPUT,
    stated_reason,
)
from moeprof.tests.costmodel.steptime.whole_models import LLAMA_3_8B

GOOD = {
    "model": "a", "task": "random", "tp": 2, "dp": 1, "n_gpu": 2, "batch": 8.0, "ctx": 600.0,
    "isl": 500.0, "osl": 200.0, "tpot_ms": 10.0, "tput_tok_s": 800.0,
}  # fmt: skip

MODELS = {"a": replace(LLAMA_3_8B, max_context_tokens=1000)}
MICROSECONDS = "times look 1000 times too large: microseconds as milliseconds"
SECONDS = "times look 1000 times too small: seconds as milliseconds"
BY_LAW = {"batch_kind": "littles_law", "max_concurrency": 8.0}
REQUEST = {"e2e_ms": 2040.0, "ttft_ms": 50.0}
OF_A_TRACE = {"batch_kind": "step", "isl": None, "osl": None, "batch": None}


@pytest.mark.parametrize("column", ["tp", "dp"])
def test_a_split_that_the_table_lacks_is_named(column: str) -> None:
    row = GOOD | {"tp": 2, "dp": 2, "n_gpu": 4}
    assert stated_reason(row, MODELS) == ""
    del row[column]
    assert stated_reason(row, MODELS) == NO_SPLIT + column
    assert stated_reason(row | {"n_gpu": 2}, MODELS) == ""


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({}, ""),
        ({"tput_tok_s": None}, ""),
        ({"model": "b"}, UNKNOWN_MODEL),
        ({"task": "video-chat"}, MULTIMODAL),
        ({"n_gpu": 4}, PIPELINE),
        ({"n_gpu": 16, "tp": 16}, MULTI_NODE),
        ({"n_gpu": 1}, WRONG_GPUS),
        ({"n_gpu": 0}, WRONG_GPUS),
        ({"tp": 0, "n_gpu": 1}, WRONG_GPUS),
        ({"tp": 2.5, "n_gpu": 2.5}, WRONG_GPUS),
        ({"ep": 0}, WRONG_GPUS),
        ({"n_gpu": float("inf")}, WRONG_GPUS),
        ({"tp": -2, "n_gpu": -2}, WRONG_GPUS),
        ({"pf_tok_s": -1.0}, NO_NUMBER),
        ({"tput_tok_s": 1e300}, NO_NUMBER),
        ({"power_w": float("nan")}, ""),
        ({"ctx": float("inf")}, MISSING),
        ({"batch": 0.0}, MISSING),
        ({"tpot_ms": float("nan")}, MISSING),
        ({"ctx": None}, MISSING),
        ({"isl": 0.5}, NO_NUMBER),
        ({"isl": 500e3}, WRONG_CONTEXT),
        ({"osl": 200e3}, WRONG_CONTEXT),
        ({"ctx": 700.0}, ""),
        ({"isl": 4000.0, "osl": 1000.0, "ctx": 4500.0}, ""),
        ({"isl": 4000.0, "osl": 1001.0, "ctx": 4500.0}, TOO_LONG),
        (OF_A_TRACE | {"ctx": 5001.0}, TOO_LONG),
        ({"ctx": 250.0}, WRONG_CONTEXT),
        ({"ctx": 5000.0}, WRONG_CONTEXT),
        (REQUEST, ""),
        (REQUEST | {"ttft_ms": None}, ""),
        (REQUEST | {"e2e_ms": 450.0}, WRONG_OUTPUT),
        (REQUEST | {"e2e_ms": 9000.0}, WRONG_OUTPUT),
        (REQUEST | {"e2e_ms": 450.0, "batch_kind": "static"}, ""),
        ({"tpot_ms": 60.0}, WRONG_BATCH),
        ({"batch": 6.6}, ""),
        ({"batch": 6.3}, WRONG_BATCH),  # throughput and time say 8
        ({"batch": 31.0}, ""),
        ({"batch": 33.0}, WRONG_BATCH),
        ({"tpot_ms": 10_000.0}, f"{WRONG_BATCH}; {MICROSECONDS}"),
        ({"tpot_ms": 0.01}, f"{WRONG_BATCH}; {SECONDS}"),
        (BY_LAW, ""),
        (BY_LAW | {"batch": 15.0}, OVER_LIMIT),
        (BY_LAW | {"batch": 8000.0}, f"{WRONG_BATCH}; {MICROSECONDS}"),
        (BY_LAW | {"batch": 0.008}, f"{WRONG_BATCH}; {SECONDS}"),
        (BY_LAW | {"max_concurrency": None, "batch": 15.0}, ""),
        ({"speculative": True}, SPECULATIVE),
        ({"failed_share": 0.1}, ""),
        ({"failed_share": 0.11}, FAILED),
        ({"disaggregated": True, "n_gpu": 4}, MULTI_NODE),
        ({"dp": None, "n_gpu": None}, ""),
        (OF_A_TRACE, ""),
        (OF_A_TRACE | {"tpot_ms": None}, MISSING),
    ],
)
def test_a_row_is_judged_by_what_it_says_of_itself(change: dict[str, Any], reason: str) -> None:
    assert stated_reason(GOOD | change, MODELS) == reason
