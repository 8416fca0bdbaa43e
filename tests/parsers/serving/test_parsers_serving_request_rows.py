"""Requests without steps tell the mean step of a window, by Little's law."""

from dataclasses import replace
from pathlib import Path

import pytest

from moeprof.parsers.serving.journeys import JourneyCollector
from moeprof.parsers.serving.otlp import Spans
from moeprof.parsers.serving.request_rows import ALL_TRACED, request_rows
from moeprof.store.serving.serving_row import ServingRow
from moeprof.tests.parsers.serving.traced_engine import Request, document, write_lines

PREFILL_US, TOKEN_US, OUTPUT = 90_000.0, 10_000.0, 100
SEATS = 16


def closed_loop(rounds: int = 20) -> list[Request]:
    """Sixteen seats, on each of which one request follows another at once."""
    one = Request("", 0.0, 0.0, 0.0, PREFILL_US, TOKEN_US, 50.0, 500, OUTPUT)
    took_us = PREFILL_US + (OUTPUT - 1) * TOKEN_US
    return [
        replace(one, name=f"{seat}-{turn}", arrived_us=took_us * (turn + seat / SEATS))
        for seat in range(SEATS)
        for turn in range(rounds)
    ]


def rows_of(folder: Path, requests: list[Request]) -> list[ServingRow]:
    spans = [span for request in requests for span in request.spans()]
    path = write_lines(folder / "traces.json", [document(spans)])
    collector = JourneyCollector()
    for span in Spans(path):
        collector.take(span)
    return request_rows(collector.journeys(), "file")


def test_a_closed_loop_has_its_batch_and_its_mean_step(tmp_path: Path) -> None:
    rows = rows_of(tmp_path, closed_loop())
    assert len(rows) == 20
    share = (OUTPUT - 1) * TOKEN_US / (PREFILL_US + (OUTPUT - 1) * TOKEN_US)
    for row in rows:
        assert row.batch == pytest.approx(SEATS * share, rel=0.02)
        assert row.tpot_ms == pytest.approx(TOKEN_US / 1e3, rel=1e-3)
        assert row.tput_tok_s == pytest.approx(SEATS * share * 1e6 / TOKEN_US, rel=0.02)
        assert row.ctx == pytest.approx(550, rel=0.03)
        assert row.isl == pytest.approx(500)
        assert row.osl == pytest.approx(100)
        assert (row.batch_kind, row.note) == ("littles_law", ALL_TRACED)
    prompts = [row.pf_tok_s or 0.0 for row in rows]
    per_s = SEATS * 500 / ((PREFILL_US + (OUTPUT - 1) * TOKEN_US) / 1e6)
    assert sum(prompts) / len(prompts) == pytest.approx(per_s, rel=0.1)


def test_a_window_with_a_preemption_is_left_out(tmp_path: Path) -> None:
    requests = closed_loop()
    requests[150] = replace(requests[150], paused=True)
    assert len(rows_of(tmp_path, requests)) == 19


def test_few_tokens_make_no_row(tmp_path: Path) -> None:
    assert rows_of(tmp_path, closed_loop()[:1]) == []
