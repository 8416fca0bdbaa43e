"""A step becomes a row of the table; the first of a run, idle ones and untimed ones do not."""

from pathlib import Path

import pytest

from moeprof.parsers.serving.otlp import Spans
from moeprof.parsers.serving.step_rows import (
    ASSUMED_BLOCKS,
    BY_BLOCKS,
    BY_CYCLE,
    EMPTY,
    THINNED,
    UNTIMED,
    WARM_UP,
    Origin,
    StepRows,
    step_rows,
)
from moeprof.parsers.serving.steps import StepCollector
from moeprof.tests.parsers.serving.traced_engine import Step, document, step_spans, write_lines


def course(count: int, **more: int) -> list[Step]:
    """Steps from number 1 on, of 9 ms each."""
    return [Step(at + 1, 9000.0 * at, 9000.0, decode_requests=8, **more) for at in range(count)]


def rows_of(
    folder: Path, steps: list[Step], origin: Origin | None = None, stated_us: float | None = None
) -> StepRows:
    path = write_lines(folder / "traces.json", [document(step_spans(steps, stated_us=stated_us))])
    collector = StepCollector()
    for span in Spans(path):
        collector.take(span)
    return step_rows(collector.steps(), origin or Origin("file", block_tokens=16))


def test_a_step_that_decodes(tmp_path: Path) -> None:
    found = rows_of(tmp_path, course(102))
    assert found.left_out == {WARM_UP: 100}
    row = found.rows[0]
    assert (row.row_id, row.source, row.engine) == ("file:vllm#0:101", "vllm_step_trace", "vllm")
    assert (row.batch, row.batch_kind, row.pf_tok_s) == (8, "step", 0)
    assert (row.tpot_ms, row.itl_ms, row.itl_is_step) == (9, 9, True)
    assert row.ctx == pytest.approx(0.3 * 10_000 * 16 / 8)
    assert row.time_s == pytest.approx(1_790_000_000.9, abs=1e-3)
    assert (row.isl, row.model, row.note) == (None, None, BY_BLOCKS)


def test_a_step_that_prefills_tells_its_tokens(tmp_path: Path) -> None:
    row = rows_of(tmp_path, course(101, prefill_tokens=500)).rows[0]
    assert row.pf_tok_s == pytest.approx(500 / 0.009)
    assert row.isl == 500
    assert (row.itl_ms, row.itl_is_step) == (None, None)


def test_what_is_assumed_is_said(tmp_path: Path) -> None:
    rows = rows_of(tmp_path, course(110), Origin("file"), stated_us=200.0).rows
    assert {row.note for row in rows} == {f"{BY_CYCLE}; {ASSUMED_BLOCKS}"}


def test_steps_without_work_or_time_are_left_out(tmp_path: Path) -> None:
    steps = course(105)
    steps[102] = Step(103, 9000.0 * 102, 9000.0, decode_requests=0)
    steps[103] = Step(104, 9000.0 * 103, 0.0, decode_requests=8)
    found = rows_of(tmp_path, steps)
    assert found.left_out == {WARM_UP: 100, EMPTY: 1, UNTIMED: 1}
    assert [row.row_id for row in found.rows] == [f"file:vllm#0:{at}" for at in (101, 102, 105)]


def test_a_long_run_is_thinned_evenly(tmp_path: Path) -> None:
    found = rows_of(tmp_path, course(120), Origin("file", most_steps=5))
    assert found.left_out[THINNED] == 15
    assert [row.row_id.rpartition(":")[2] for row in found.rows] == [
        "101", "105", "109", "113", "117",
    ]  # fmt: skip


def test_a_table_states_model_and_split_of_each_run(tmp_path: Path) -> None:
    origin = Origin("file", 16, {"vllm#0": "llama-3-8b"}, {"vllm#0": 2})
    row = rows_of(tmp_path, course(101), origin).rows[0]
    assert (row.model, row.tp) == ("llama-3-8b", 2)
