"""Steps by their summaries, in order and once each; their time is that of the engine's cycle."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from moeprof.parsers.serving.otlp import Spans
from moeprof.parsers.serving.steps import StepCollector, TracedSteps, step_times
from moeprof.tests.parsers.serving.traced_engine import (
    Json,
    Step,
    document,
    event,
    span,
    step_spans,
    write_lines,
)


def course(count: int, step_us: float = 9000.0, first: int = 1) -> list[Step]:
    """Steps that follow each other at once, each a little longer."""
    steps, at_us = [], 0.0
    for number in range(count):
        took = step_us + 10 * number
        steps.append(Step(first + number, at_us, took, decode_requests=8))
        at_us += took
    return steps


def collected(folder: Path, *spans: Json) -> TracedSteps:
    path = write_lines(folder / "traces.json", [document(list(spans))])
    collector = StepCollector()
    for one in Spans(path):
        collector.take(one)
    return collector.steps()


def test_a_summary_has_its_numbers(tmp_path: Path) -> None:
    step = Step(7, 100.0, 9000.0, 12, prefill_tokens=500, waiting=3, kv_ratio=0.75, preempted=1)
    steps = collected(tmp_path, *step_spans([step]))
    assert {name: values[0] for name, values in steps.columns.items()} == {
        "step_id": 7, "start_ns": 5_000_000_100_000, "end_ns": 5_000_009_100_000,
        "duration_us": 9000, "running": 13, "waiting": 3, "prefill_requests": 1,
        "decode_requests": 12, "prefill_tokens": 500, "decode_tokens": 12, "finished": 0,
        "preempted": 1, "kv_ratio": 0.75, "kv_blocks": 10_000,
    }  # fmt: skip
    assert steps.time_s[0] == pytest.approx(1_790_000_000.0001, abs=1e-6)


def test_steps_are_in_order_and_once_each(tmp_path: Path) -> None:
    spans = step_spans(course(250))
    steps = collected(tmp_path, spans[2], spans[0], spans[1], spans[0])
    assert steps.columns["step_id"].tolist() == list(range(1, 251))
    assert len(steps.runs) == 1


def test_an_engine_that_began_anew_is_another_run(tmp_path: Path) -> None:
    second = [replace(one, start_us=one.start_us + 1e9) for one in course(5)]
    steps = collected(tmp_path, *step_spans(course(9)), *step_spans(second))
    assert steps.run.tolist() == [0] * 9 + [1] * 5
    assert steps.runs == ("vllm#0", "vllm#1")


def test_a_duration_that_fills_the_time_to_the_next_step_is_the_steps(tmp_path: Path) -> None:
    steps = collected(tmp_path, *step_spans(course(20)))
    times = step_times(steps)
    assert times.step_us == pytest.approx([9000 + 10 * at for at in range(20)])
    assert not times.cycles


def test_a_duration_of_the_scheduler_alone_gives_way_to_the_cycle(tmp_path: Path) -> None:
    steps = collected(tmp_path, *step_spans(course(20), stated_us=300.0))
    times = step_times(steps)
    assert times.step_us[:-1] == pytest.approx([9000 + 10 * at for at in range(19)])
    assert np.isnan(times.step_us[-1])
    assert times.cycles == {"vllm#0"}


def test_no_cycle_spans_a_step_that_was_not_traced(tmp_path: Path) -> None:
    sampled = [one for one in course(40) if one.step_id % 4 != 0]
    times = step_times(collected(tmp_path, *step_spans(sampled, stated_us=300.0)))
    assert np.isnan(times.step_us).tolist() == [one.step_id % 4 == 3 for one in sampled[:-1]] + [
        True
    ]


def test_an_engine_without_work_does_not_step(tmp_path: Path) -> None:
    steps = course(10)
    steps[5:] = [replace(one, start_us=one.start_us + 5e6) for one in steps[5:]]
    steps[5] = replace(steps[5], finished=8)
    times = step_times(collected(tmp_path, *step_spans(steps, stated_us=300.0)))
    assert np.flatnonzero(np.isnan(times.step_us)).tolist() == [4, 9]


def test_durations_alone_are_taken_as_they_are(tmp_path: Path) -> None:
    summary = course(1)[0].summary(300.0)
    spans = [span("scheduler_steps", ("", "1", ""), [summary])]
    assert step_times(collected(tmp_path, *spans)).step_us.tolist() == [300.0]


def test_snapshots_tell_the_contexts(tmp_path: Path) -> None:
    snapshots = [
        event("step.REQUEST_SNAPSHOT", 1.0, {
            "step.id": 3, "request.id": str(at), "request.phase": phase,
            "request.num_prompt_tokens": prompt, "request.num_computed_tokens": computed,
        })
        for at, (phase, prompt, computed) in enumerate(
            [("DECODE", 100, 150), ("DECODE", 100, 250), ("PREFILL", 900, 0)]
        )
    ]  # fmt: skip
    spans = [span("scheduler_steps", ("", "1", ""), [*snapshots, course(1, first=3)[0].summary()])]
    steps = collected(tmp_path, *spans)
    assert (steps.context_tokens[0], steps.prompt_tokens[0]) == (200, 900)


def test_a_summary_without_its_number_is_counted(tmp_path: Path) -> None:
    path = write_lines(
        tmp_path / "traces.json",
        [document([span("s", ("", "1", ""), [event("step.BATCH_SUMMARY", 1.0, {"n": 1})])])],
    )
    collector = StepCollector()
    for one in Spans(path):
        collector.take(one)
    assert (collector.without_id, len(collector.steps())) == (1, 0)


def test_what_a_tracer_leaves_out_is_unknown(tmp_path: Path) -> None:
    bare = event("step.BATCH_SUMMARY", 1.0, {"step.id": 1, "step.duration_us": 900})
    steps = collected(tmp_path, span("s", ("", "1", ""), [bare, json.loads(json.dumps(bare))]))
    assert len(steps) == 1
    assert np.isnan(steps.columns["kv_ratio"][0])


@pytest.mark.parametrize("odd", [-1.0, 1.5, 1e308])
def test_a_share_that_cannot_be_is_unknown(odd: float, tmp_path: Path) -> None:
    step = replace(course(1)[0], kv_ratio=odd, kv_blocks=0)
    steps = collected(tmp_path, *step_spans([step]))
    assert np.isnan(steps.columns["kv_ratio"][0])
