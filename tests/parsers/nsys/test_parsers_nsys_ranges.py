"""NVTX ranges: their names, domains and threads."""

from collections.abc import Callable

from moeprof.parsers.events import NOWHERE, OPEN_END, UNNAMED
from moeprof.parsers.messages import TraceWarning
from moeprof.parsers.nsys.clock import session_clock
from moeprof.parsers.nsys.export import open_export
from moeprof.parsers.nsys.ranges import read_ranges
from moeprof.tests.nsys_file import GLOBAL_PID, THREAD, NsysFile

OTHER_PROCESS = (77 << 24) | 3


def _read(file: NsysFile) -> list[tuple[int, int, str | None]]:
    with open_export(file.close()) as export:
        spans, names = read_ranges(export, export.strings(), session_clock(export))
    return list(zip(spans.start_ns.tolist(), spans.end_ns.tolist(), names.to_pylist(), strict=True))


def test_a_text_is_in_the_row_or_in_the_strings(nsys_file: Callable[..., NsysFile]) -> None:
    file = nsys_file()
    file.range(2, 3, "in the row")
    file.range(0, 9, None, textId=file.string("in the strings"))
    file.range(4, 5, None)
    assert _read(file) == [(0, 9, "in the strings"), (2, 3, "in the row"), (4, 5, UNNAMED)]


def test_a_range_without_text_and_an_event_without_type_are_counted(
    nsys_file: Callable[..., NsysFile],
) -> None:
    file = nsys_file()
    file.domain(1, "moeprof")
    file.range(1, 9, None, textId=77, domainId=1)
    file.range(2, 9, "of no type", eventType=None)
    with open_export(file.close()) as export:
        _, names = read_ranges(export, export.strings(), session_clock(export))
        sentences = export.sentences()
    assert names.to_pylist() == [f"moeprof:{UNNAMED}"]
    told = [TraceWarning.EVENTS_OF_NO_TYPE, TraceWarning.UNNAMED_RANGES]
    assert sentences == [f"{file.path.name}: 1 {each}" for each in told]


def test_domains_are_named_per_process(nsys_file: Callable[..., NsysFile]) -> None:
    file = nsys_file()
    file.domain(1, "moeprof")
    file.domain(1, "torch", thread=OTHER_PROCESS)
    file.range(1, 2, "a", domainId=1)
    file.range(3, 4, "b", domainId=1, globalTid=OTHER_PROCESS)
    file.range(5, 6, "c", domainId=2)
    assert [name for *_, name in _read(file)] == ["moeprof:a", "torch:b", "c"]


def test_of_domains_with_one_id_the_last_one_names_it(nsys_file: Callable[..., NsysFile]) -> None:
    file = nsys_file()
    for domain, name in ((2, "old"), (1, "other"), (2, "new"), (2, "")):
        file.domain(domain, name)
    file.range(1, 2, "a", domainId=2)
    file.range(3, 4, "b", domainId=None)
    assert [name for *_, name in _read(file)] == ["new:a", "b"]


def test_ranges_that_cannot_be_placed_are_left_out_and_counted(
    nsys_file: Callable[..., NsysFile],
) -> None:
    file = nsys_file()
    file.range(1, 9, "whole")
    file.range(2, None, "never closed")
    file.range(4, 3, "ends before its start")
    file.range(5, 6, "no thread", globalTid=None)
    file.range(2**63 - 1, None, "years away")
    file.range(5, 2**62, "ends years away")
    file.range(5, 6, "pops elsewhere", endGlobalTid=OTHER_PROCESS)
    file.add("NVTX_EVENTS", end=7, eventType=60, globalTid=THREAD, text="no start")
    file.range(6, None, "a mark", eventType=34)
    with open_export(file.close()) as export:
        _, names = read_ranges(export, export.strings(), session_clock(export))
        sentences = export.sentences()
    assert names.to_pylist() == ["whole", "never closed"]
    assert len(sentences) == 2
    assert f"6 {TraceWarning.RANGES_LEFT_OUT}" in sentences[0]
    assert f"1 {TraceWarning.RANGES_NEVER_CLOSED}" in sentences[1]


def test_open_ranges_stay_open_and_marks_are_none(nsys_file: Callable[..., NsysFile]) -> None:
    file = nsys_file()
    file.range(1, None, "open")
    file.range(2, 3, "start and end", eventType=60)
    file.range(4, 5, "pops elsewhere", endGlobalTid=OTHER_PROCESS)
    file.range(6, None, "a mark", eventType=34)
    assert _read(file) == [(1, OPEN_END, "open"), (2, 3, "start and end")]


def test_a_start_end_range_stands_for_its_process(nsys_file: Callable[..., NsysFile]) -> None:
    file = nsys_file()
    file.range(1, 9, "push and pop")
    file.range(2, 8, "on one thread", eventType=60, endGlobalTid=THREAD)
    file.range(3, 7, "ends elsewhere", eventType=60, endGlobalTid=THREAD + 1)
    file.range(4, 6, "as NVTXT", eventType=71)
    with open_export(file.close()) as export:
        spans, _ = read_ranges(export, export.strings(), session_clock(export))
    assert spans.thread.tolist() == [THREAD, THREAD, NOWHERE, THREAD]
    assert spans.process is not None
    assert spans.process.tolist() == [NOWHERE, GLOBAL_PID, GLOBAL_PID, GLOBAL_PID]


def test_a_trace_without_ranges_has_none(nsys_file: Callable[..., NsysFile]) -> None:
    assert _read(nsys_file()) == []
