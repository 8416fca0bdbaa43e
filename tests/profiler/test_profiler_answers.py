"""Answers are checked against what was asked: a wrong one is refused with its reason."""

import json
import time
from dataclasses import replace
from typing import Any

import pytest

from moeprof.profiler.answers import (
    Asked,
    BadAnswer,
    asked_now,
    begin_of,
    body_of,
    load_of,
    reason_of,
    timing_of,
    workload_of,
)

KEY = "gelu-b4-64-fp32-cold"
HUGE = 10**30


@pytest.fixture
def asked() -> Asked:
    """A request that was made a second ago."""
    now = asked_now(KEY, 1)
    return replace(now, asked_ns=now.asked_ns - 10**9, asked_utc_ns=now.asked_utc_ns - 10**9)


def a_timing(**changes: Any) -> dict[str, Any]:
    now_ns = time.time_ns()
    whole = {"scenario_key": KEY, "visit": 1, "calls": 3, "calls_ns": [1000, 1001, 1002]}
    return whole | {"started_utc_ns": now_ns, "ended_utc_ns": now_ns} | changes


def a_load(**changes: Any) -> dict[str, Any]:
    whole = {"kind": "operation", "scenario_key": KEY, "visit": 1, "marks_ns": [5, 9]}
    return whole | {"launches": [0, 4]} | changes


def test_a_right_answer_is_taken(asked: Asked) -> None:
    assert timing_of(a_timing(), asked).calls_ns == (1000, 1001, 1002)
    assert load_of(a_load(), asked, 5).launches == (0, 4)
    for kind in ("idle", "reference"):
        without_size = a_load(kind=kind, scenario_key=None)
        wanted = replace(asked, scenario_key=None, kind=kind)
        assert load_of(without_size, wanted, 5).kind == kind


@pytest.mark.parametrize(
    "changes",
    [
        {"scenario_key": "gelu-b8-64-fp32-cold"},
        {"visit": 0},
        {"calls": 2},
        {"calls": 0, "calls_ns": []},
        {"calls": 500, "calls_ns": [1] * 500},
        {"calls_ns": [1000, 0, 1002]},
        {"calls_ns": [1000, -1, 1002]},
        {"calls_ns": [1000, 10**10, 1002]},
        {"calls_ns": [1000, HUGE, 1002]},
        {"calls_ns": [1000, "1001", 1002]},
        {"calls_ns": [1000, 1.5, 1002]},
        {"started_utc_ns": 1, "ended_utc_ns": 2},
        {"ended_utc_ns": HUGE},
        {"started_utc_ns": HUGE, "ended_utc_ns": HUGE},
        {"calls_ns": None},
    ],
    ids=str,
)
def test_times_that_cannot_be_are_refused(asked: Asked, changes: dict[str, Any]) -> None:
    with pytest.raises(BadAnswer):
        timing_of(a_timing(**changes), asked)


@pytest.mark.parametrize(
    "changes",
    [
        {"scenario_key": "gelu-b8-64-fp32-cold"},
        {"scenario_key": None},
        {"kind": "idle"},
        {"kind": "reference", "scenario_key": None},
        {"kind": "empty"},
        {"visit": 0},
        {"marks_ns": [6, 9]},
        {"marks_ns": [5, 4]},
        {"marks_ns": [5, HUGE]},
        {"launches": [0, HUGE]},
        {"launches": [1, 4]},
        {"marks_ns": [], "launches": []},
        {"duty": "all"},
    ],
    ids=str,
)
def test_a_load_that_was_not_asked_for_is_refused(asked: Asked, changes: dict[str, Any]) -> None:
    with pytest.raises(BadAnswer):
        load_of(a_load(**changes), asked, 5)


@pytest.mark.parametrize("begin_ns", [None, -1, HUGE, 1.5, "5", True, float("nan")], ids=str)
def test_a_begin_that_is_no_time_is_refused(begin_ns: object) -> None:
    with pytest.raises(BadAnswer):
        begin_of({"begin_ns": begin_ns})


@pytest.mark.parametrize(
    "line",
    ["", "null", "[1]", "{", '{"calls_ns": [NaN]}', "[" * 10**5, "\x00", '{"a": 1} {"b": 2}'],
    ids=lambda line: ascii(line[:20]),
)
def test_what_is_no_object_of_json_is_refused(line: str) -> None:
    with pytest.raises(BadAnswer):
        body_of(line)


def test_a_reason_is_quoted_in_part() -> None:
    assert reason_of(body_of(json.dumps({"error": "out of memory"}))) == "out of memory"
    assert len(reason_of({"error": "m" * 10**6}) or "") <= 400
    assert reason_of({"begin_ns": 1}) is None


def test_a_segment_after_the_end_of_time_is_refused() -> None:
    segment = {"op": "gelu", "tokens": 4, "begin_ns": 1, "end_ns": 2, "launches": 3}
    assert len(workload_of({"stretches": [segment]}).stretches) == 1
    with pytest.raises(BadAnswer):
        workload_of({"stretches": [segment | {"end_ns": HUGE}]})
    with pytest.raises(BadAnswer):
        workload_of({"stretches": []})
