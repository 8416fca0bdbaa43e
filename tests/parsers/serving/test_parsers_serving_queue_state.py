"""The state of the queue is that of the last step before a request was queued."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from moeprof.parsers.serving.journeys import JourneyCollector
from moeprof.parsers.serving.otlp import Spans
from moeprof.parsers.serving.queue_state import queue_states
from moeprof.parsers.serving.steps import StepCollector
from moeprof.tests.parsers.serving.traced_engine import (
    Request,
    Step,
    document,
    step_spans,
    write_lines,
)

REQUEST = Request("r", 0.0, 100.0, 500.0, 9000.0, 9000.0, 50.0, prompt_tokens=9, output_tokens=3)
STEPS = [
    Step(at + 1, 10_000.0 * at, 10_000.0, 4, waiting=at, kv_ratio=at / 100, preempted=at % 2)
    for at in range(60)
]


def states(
    folder: Path, requests: list[Request], steps: list[Step]
) -> dict[str, "np.ndarray[tuple[int], np.dtype[np.float64]]"]:
    spans = [one for request in requests for one in request.spans()]
    path = write_lines(folder / "t.json", [document([*spans, *step_spans(steps)])])
    journeys, collected = JourneyCollector(), StepCollector()
    for span in Spans(path):
        journeys.take(span)
        collected.take(span)
    return queue_states(journeys.journeys(), collected.steps())


def queued_at(step: int, name: str = "r") -> Request:
    """A request that was queued while that step ran."""
    return replace(REQUEST, name=name, arrived_us=10_000.0 * (step - 1) + 50, queued_step=step)


def test_the_step_is_found_by_its_number(tmp_path: Path) -> None:
    found = states(tmp_path, [queued_at(31)], STEPS)
    assert {name: values[0] for name, values in found.items()} == {
        "waiting": 30, "running": 4, "kv_ratio": 0.3, "recent_preemptions": 5,
    }  # fmt: skip


def test_of_sampled_steps_the_last_one_counts_if_it_is_near(tmp_path: Path) -> None:
    sampled = [step for step in STEPS if step.step_id in (5, 30)]
    found = states(tmp_path, [queued_at(33, "near"), queued_at(56, "far")], sampled)
    assert found["waiting"] == pytest.approx([29, np.nan], nan_ok=True)


def test_nothing_is_known_before_the_first_step(tmp_path: Path) -> None:
    found = states(tmp_path, [queued_at(3)], STEPS[10:])
    assert np.isnan(found["waiting"][0])


def test_without_steps_the_journeys_tell_who_waits(tmp_path: Path) -> None:
    waiting = [
        replace(REQUEST, name=f"r{at}", arrived_us=100.0 * at, wait_us=1000.0) for at in range(5)
    ]
    found = states(tmp_path, waiting, [])
    assert found["waiting"].tolist() == [0, 1, 2, 3, 4]
    assert np.isnan(found["kv_ratio"]).all()
