"""Calls and ranges of the host as columns."""

import numpy as np
import pytest

from moeprof.parsers.events import NOWHERE, UNNAMED
from moeprof.parsers.kineto.events import Kind, KinetoEvent
from moeprof.parsers.kineto.host_events import HostEvents, Threads, correlation_ids


def _event(start_ns: int | None, duration_ns: int | None, thread: str = "1") -> KinetoEvent:
    return KinetoEvent(
        Kind.CALL, "cuda_runtime", "launch", "12", thread, start_ns, duration_ns, 5, {}
    )


def test_times_count_from_the_base() -> None:
    events = HostEvents(Threads())
    events.add(_event(10, 5))
    events.add(_event(-3, 0))
    spans = events.spans(1000, None)
    assert spans.start_ns.tolist() == [1010, 997]
    assert spans.end_ns.tolist() == [1015, 997]
    assert events.names().to_pylist() == ["launch", "launch"]
    assert events.correlation_ids().correlation.tolist() == [5, 5]
    assert events.processes == {"12": 2}


def test_calls_and_ranges_share_the_numbers_of_threads() -> None:
    threads = Threads()
    calls, ranges = HostEvents(threads), HostEvents(threads)
    for thread in ("1", "2"):
        calls.add(_event(1, 1, thread))
    for thread in ("2", "3"):
        ranges.add(_event(1, 1, thread))
    assert calls.spans(0, None).thread.tolist() == [0, 1]
    assert ranges.spans(0, None).thread.tolist() == [1, 2]


def test_an_event_without_a_readable_time_is_left_out_and_counted() -> None:
    events = HostEvents(Threads())
    for start_ns, duration_ns in ((None, 1), (1, None), (1, -1)):
        events.add(_event(start_ns, duration_ns))
    assert len(events.spans(0, None)) == 0
    assert events.without_time == 3
    assert events.names().to_pylist() == []


def test_a_name_that_is_missing_is_told_and_counted() -> None:
    events = HostEvents(Threads())
    events.add(_event(1, 1)._replace(name=None, process=None))
    assert events.names().to_pylist() == [UNNAMED]
    assert events.nameless == 1
    assert events.processes == {None: 1}


def test_a_negative_id_is_none() -> None:
    assert correlation_ids(np.asarray([-1, 0, 7])).known.tolist() == [False, True, True]


@pytest.mark.parametrize("process", [None, "-1", "x"])
def test_a_thread_of_no_process_is_the_one_of_the_known_process(process: str | None) -> None:
    events = HostEvents(Threads())
    for thread in ("1", "2"):
        events.add(_event(1, 1, thread))
        events.add(_event(1, 1, thread)._replace(process=process))
    events.add(_event(1, 1, "3")._replace(process=process))
    assert events.spans(0, "12").thread.tolist() == [0, 0, 2, 2, 4]
    assert events.spans(0, None).thread.tolist() == [0, 1, 2, 3, 4]
    assert events.without_process() == 3


def test_an_event_without_a_thread_is_on_none_and_counted() -> None:
    events = HostEvents(Threads())
    events.add(_event(1, 1))
    events.add(_event(1, 1)._replace(thread=None))
    assert events.spans(0, None).thread.tolist() == [0, NOWHERE]
    assert events.unplaced == 1


def test_a_call_without_a_readable_time_is_on_no_thread() -> None:
    events = HostEvents(Threads())
    events.add_call(_event(7, 1))
    events.add_call(_event(None, 1))
    events.add_call(_event(0, 0))
    assert events.spans(0, None).thread.tolist() == [0, NOWHERE, NOWHERE]
    assert events.correlation_ids().correlation.tolist() == [5, 5, 5]
    assert (events.without_time, events.unplaced) == (0, 2)
