"""What is odd about the load of a run is told."""

from typing import Any

import pytest

from moeprof.parsers.results.load import failed_share, load_notes, offered_per_s
from moeprof.tests.parsers.results.result_files import VLLM_SERVE, record


@pytest.mark.parametrize(
    ("change", "note"),
    [
        ({}, ""),
        ({"completed": 316, "failed": 4}, "4 of 320 requests failed"),
        ({"completed": 316, "failed": None}, "4 of 320 requests failed"),
        ({"request_rate": 8.0}, "saturated: 8 requests a second offered, 4 completed"),
        ({"request_rate": 4.4}, ""),
        ({"duration": 20.0}, "short: filling and draining the server is a large part of the run"),
        ({"burstiness": 0.5}, ""),
        ({"burstiness": 0.5, "request_rate": 4.4}, "arrivals in bursts: burstiness 0.5"),
        (
            {"ramp_up_strategy": "linear"},
            "the rate of arrivals rises: the batch is a mean over several loads",
        ),
    ],
)
def test_notes(change: dict[str, Any], note: str) -> None:
    assert load_notes(record(VLLM_SERVE | change)) == note


def test_a_rate_is_offered_where_requests_do_not_wait_for_each_other() -> None:
    rates = ("inf", float("inf"), None, "trace", 4.0, "4.0")
    assert [offered_per_s(record({"request_rate": rate})) for rate in rates] == [
        *[None] * 4, 4.0, 4.0,
    ]  # fmt: skip


def test_the_share_that_failed() -> None:
    assert failed_share(record({"completed": 8, "num_prompts": 10})) == 0.2
    assert failed_share(record({"completed": 9, "failed": 1})) == 0.1
    assert failed_share(record({"completed": 8})) is None
    assert failed_share(record({"completed": 0, "failed": 0})) is None
