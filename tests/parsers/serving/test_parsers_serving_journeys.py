"""Delays of requests are those between the events of their spans, whatever order those are in."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moeprof.parsers.serving.journeys import JourneyCollector, Journeys
from moeprof.parsers.serving.otlp import Spans
from moeprof.tests.parsers.serving.traced_engine import Json, Request, document, span, write_lines

ONE = Request(
    "r1", 1000.0, 250.0, 4000.0, 30_000.0, 9000.0, 800.0, prompt_tokens=512, output_tokens=11
)
DELAYS = ("arrival_us", "wait_us", "prefill_us", "token_us", "delivery_us")


def collected(folder: Path, *spans: Json) -> tuple[Journeys, JourneyCollector]:
    path = write_lines(folder / "traces.json", [document([one]) for one in spans])
    collector = JourneyCollector()
    for one in Spans(path):
        collector.take(one)
    return collector.journeys(), collector


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_delays_are_between_events_of_both_spans(order: tuple[int, int], tmp_path: Path) -> None:
    spans = ONE.spans()
    journeys, _ = collected(tmp_path, *(spans[at] for at in order))
    found = {name: journeys.columns[name][0] for name in DELAYS}
    assert found == pytest.approx({name: getattr(ONE, name) for name in DELAYS}, abs=0.2)
    assert journeys.columns["prompt_tokens"][0] == 512
    assert journeys.columns["output_tokens"][0] == 11
    assert journeys.columns["preemptions"][0] == 0


@given(st.permutations(range(6)))
def test_requests_are_in_the_order_of_arrival(
    tmp_path_factory: pytest.TempPathFactory, order: list[int]
) -> None:
    requests = [replace(ONE, name=f"r{at}", arrived_us=1e6 * at) for at in range(3)]
    spans = [one for request in requests for one in request.spans()]
    folder = tmp_path_factory.mktemp("journeys")
    journeys, _ = collected(folder, *(spans[at] for at in order))
    assert np.diff(journeys.columns["time_s"]) == pytest.approx([1, 1], abs=1e-5)


def test_an_engine_without_a_server_has_no_arrival(tmp_path: Path) -> None:
    journeys, _ = collected(tmp_path, ONE.spans()[1])
    assert np.isnan(journeys.columns["arrival_us"][0])
    assert np.isnan(journeys.columns["delivery_us"][0])
    assert journeys.columns["wait_us"][0] == pytest.approx(4000, abs=0.2)


def test_all_events_may_stand_in_one_span(tmp_path: Path) -> None:
    api, core = ONE.spans()
    events = sorted([*api["events"], *core["events"]], key=lambda one: int(one["timeUnixNano"]))
    journeys, _ = collected(tmp_path, span("journey", ("t", "s", ""), events))
    found = {name: journeys.columns[name][0] for name in DELAYS}
    assert found == pytest.approx({name: getattr(ONE, name) for name in DELAYS}, abs=0.2)


def test_a_paused_request_has_no_time_per_token(tmp_path: Path) -> None:
    journeys, _ = collected(tmp_path, *replace(ONE, paused=True).spans())
    assert np.isnan(journeys.columns["token_us"][0])
    assert journeys.columns["preemptions"][0] == 1


@pytest.mark.parametrize("finish", ["aborted", "error"])
def test_what_failed_is_counted_and_left_out(finish: str, tmp_path: Path) -> None:
    failed = replace(ONE, name="r2", finish=finish)
    journeys, collector = collected(tmp_path, *ONE.spans(), *failed.spans())
    assert (len(journeys), collector.failed) == (1, 1)


def test_one_token_has_no_time_between_tokens(tmp_path: Path) -> None:
    journeys, _ = collected(tmp_path, *replace(ONE, output_tokens=1).spans())
    assert np.isnan(journeys.columns["token_us"][0])


def test_spans_of_released_vllm_tell_by_their_attributes(tmp_path: Path) -> None:
    attributes = {
        "gen_ai.latency.time_in_queue": 0.004,
        "gen_ai.latency.time_in_model_prefill": 0.03,
        "gen_ai.latency.time_in_model_decode": 0.09,
        "gen_ai.latency.e2e": 0.13,
        "gen_ai.usage.prompt_tokens": 512,
        "gen_ai.usage.completion_tokens": 11,
    }
    journeys, _ = collected(tmp_path, span("llm_request", ("t", "s", "client"), [], **attributes))
    found = {name: journeys.columns[name][0] for name in (*DELAYS, "prompt_tokens")}
    expected = {"wait_us": 4000, "prefill_us": 30_000, "token_us": 9000, "prompt_tokens": 512}
    assert found == pytest.approx(
        {"arrival_us": np.nan, "delivery_us": np.nan} | expected, nan_ok=True
    )


def test_spans_of_others_are_passed_over(tmp_path: Path) -> None:
    other = span("GET /health", ("t", "s", ""), [], **{"http.route": "/health"})
    journeys, _ = collected(tmp_path, other)
    assert len(journeys) == 0


def test_a_time_that_runs_backwards_is_unknown(tmp_path: Path) -> None:
    journeys, _ = collected(tmp_path, *replace(ONE, wait_us=-50.0).spans())
    assert np.isnan(journeys.columns["wait_us"][0])
