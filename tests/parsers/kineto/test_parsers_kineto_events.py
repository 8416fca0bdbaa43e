"""Which events of a trace are read, and what is counted of the others."""

import json
from pathlib import Path
from typing import Any

import pytest

from moeprof.parsers.kineto.events import Kind, KinetoEvent, KinetoEvents
from moeprof.parsers.kineto.kernels import kernel_arguments
from moeprof.parsers.messages import Refusal, TraceWarning
from moeprof.store.errors import BadInput
from moeprof.tests.parsers.kineto.chrome_trace import annotation, event, kernel, launch, write_trace


def _read(path: Path) -> tuple[KinetoEvents, list[KinetoEvent]]:
    events = KinetoEvents(path)
    return events, list(events)


def _text(path: Path, *events: str, top: str = "") -> Path:
    path.write_text(f'{{{top}"traceEvents": [{", ".join(events)}]}}', encoding="latin-1")
    return path


KERNEL = json.dumps(kernel(1, 2, 3))


@pytest.mark.parametrize(
    ("category", "kind"),
    [
        ("kernel", Kind.KERNEL),
        ("Kernel", Kind.KERNEL),
        ("KERNEL", Kind.KERNEL),
        ("Runtime", Kind.CALL),
        ("cuda_runtime", Kind.CALL),
        ("cuda_driver", Kind.CALL),
        ("xpu_runtime", Kind.CALL),
        ("xpu_driver", Kind.CALL),
        ("mtia_runtime", Kind.CALL),
        ("privateuse1_runtime", Kind.CALL),
        ("privateuse1_driver", Kind.CALL),
        ("user_annotation", Kind.RANGE),
        ("User_Annotation", Kind.RANGE),
    ],
)
def test_a_category_is_known_in_any_case(tmp_path: Path, category: str, kind: Kind) -> None:
    _, (found,) = _read(write_trace(tmp_path / "t.json", [event(category, "a", 1, 2)]))
    assert found.kind is kind


@pytest.mark.parametrize(
    ("category", "kind", "kept"),
    [
        ("kernel,gpu", Kind.KERNEL, "kernel"),
        ("gpu, Kernel", Kind.KERNEL, "kernel"),
        (" Kernel ", Kind.KERNEL, "kernel"),
        ("cpu,cuda_runtime,kernel", Kind.CALL, "cuda_runtime"),
    ],
)
def test_of_a_list_of_categories_the_first_that_is_read_counts(
    tmp_path: Path, category: str, kind: Kind, kept: str
) -> None:
    _, (found,) = _read(write_trace(tmp_path / "t.json", [event(category, "a", 1, 2)]))
    assert (found.kind, found.category) == (kind, kept)


@pytest.mark.parametrize(
    "category",
    ["cpu_op", "python_function", "gpu_memcpy", "gpu_memset", "Memcpy", "gpu_user_annotation",
     "ac2g", "cuda_sync", "overhead", "Trace", None, 5, ["kernel"]],
)  # fmt: skip
def test_copies_operators_and_flows_are_not_read(tmp_path: Path, category: Any) -> None:
    events, found = _read(write_trace(tmp_path / "t.json", [event(category, "a", 1, 2)]))
    assert found == []
    assert events.others.total() == 1
    assert events.warnings() == []


def test_times_ids_and_arguments_of_an_event(tmp_path: Path) -> None:
    text = KERNEL.replace('"ts": 1,', '"ts": 1753800000123456.789,').replace(
        '"dur": 2', '"dur": "2.5"'
    )
    _, (found,) = _read(_text(tmp_path / "t.json", text))
    assert (found.start_ns, found.duration_ns) == (1_753_800_000_123_456_789, 2500)
    assert (found.process, found.thread, found.correlation_id) == ("0", "7", 3)
    assert found.arguments["grid"] == [8, 2, 1]


def test_a_thread_is_the_same_as_number_and_as_text(tmp_path: Path) -> None:
    events = [launch(1, 1, tid=tid) for tid in (7, "7", 7.0, "stream 7", None, [7], "")]
    _, found = _read(write_trace(tmp_path / "t.json", events))
    assert [each.thread for each in found] == ["7", "7", "7", "stream 7", None, None, None]


@pytest.mark.parametrize(
    ("cell", "expected"),
    [(12, 12), ("12", 12), (12.0, 12), (-5, 2**32 - 5), (0, 0), (None, None), ("x", None)],
)
def test_a_correlation_id_is_read_in_any_form(
    tmp_path: Path, cell: object, expected: int | None
) -> None:
    _, (found,) = _read(write_trace(tmp_path / "t.json", [launch(1, cell)]))
    assert found.correlation_id == expected


@pytest.mark.parametrize("args", [None, "text", 5, [1]])
def test_args_of_another_type_are_none(tmp_path: Path, args: object) -> None:
    _, (found,) = _read(write_trace(tmp_path / "t.json", [launch(1, 1, args=args)]))
    assert found.arguments == {}


@pytest.mark.parametrize(
    ("written", "name"),
    [
        (r"C:\Users\x", r"C:\Users\x"),
        ("a\tb", "a\tb"),
        ("caf\xe9", r"caf\xe9"),
        (r"\ud800", r"\ud800"),
    ],
)
def test_an_invalid_name_is_read_and_told_once(tmp_path: Path, written: str, name: str) -> None:
    other = KERNEL.replace('"kernel"', '"cpu_op"')
    texts = [text.replace("gelu", written) for text in (KERNEL, KERNEL, other)]
    events, found = _read(_text(tmp_path / "t.json", *texts))
    assert [each.name for each in found] == [name, name]
    (warning,) = events.warnings()
    assert warning.startswith("t.json: 3 ")
    assert TraceWarning.MENDED in warning


@pytest.mark.parametrize("number", ["NaN", "-Infinity", "inf", "9" * 5000])
def test_a_number_that_json_does_not_know_is_none(tmp_path: Path, number: str) -> None:
    events, (found,) = _read(
        _text(tmp_path / "t.json", KERNEL.replace('"ts": 1', f'"ts": {number}'))
    )
    assert found.start_ns is None
    assert +events.noticed == {TraceWarning.MENDED: 1}


@pytest.mark.parametrize("number", ["1e400", "-1e999", "1.5e99999", "1" * 400])
def test_a_number_beyond_any_double_costs_itself(tmp_path: Path, number: str) -> None:
    given = KERNEL.replace('"stream": 7', f'"stream": {number}, "loss": [{number}]')
    _, (found,) = _read(_text(tmp_path / "t.json", given))
    assert (found.start_ns, found.correlation_id) == (1000, 3)
    assert kernel_arguments(found.arguments)["stream"] is None


def test_text_that_is_no_utf8_in_args_costs_nothing_else(tmp_path: Path) -> None:
    text = KERNEL.replace('"stream": 7', '"stream": 7, "path": "\xe9"')
    _, (found,) = _read(_text(tmp_path / "t.json", text))
    assert found.arguments["stream"] == 7


def test_of_two_equal_keys_the_last_counts(tmp_path: Path) -> None:
    _, (found,) = _read(_text(tmp_path / "t.json", KERNEL.replace('"ts": 1', '"ts": 1, "ts": 9')))
    assert found.start_ns == 9000


def test_a_base_time_given_twice_is_told_and_the_last_counts(tmp_path: Path) -> None:
    base, other = '"baseTimeNanoseconds": 5, ', '"more": {"baseTimeNanoseconds": 7}, '
    read, _ = _read(_text(tmp_path / "once.json", top=base + other))
    assert (read.base_ns, read.warnings()) == (5, [])
    read, _ = _read(_text(tmp_path / "twice.json", top=base + base.replace("5", "6")))
    assert read.base_ns == 6
    assert +read.noticed == {TraceWarning.BASE_TIME_TWICE: 1}


@pytest.mark.parametrize("phase", ["B", "E", "i", None])
def test_a_call_or_range_without_its_duration_is_counted_and_left_out(
    tmp_path: Path, phase: str | None
) -> None:
    events = [one | {"ph": phase} for one in (launch(1, 2), annotation("a", 1, 2))]
    read, found = _read(write_trace(tmp_path / "t.json", events))
    assert found == []
    assert +read.noticed == {TraceWarning.OTHER_PHASE: 2}


def test_a_kernel_that_begins_and_ends_stays_once_and_without_time(tmp_path: Path) -> None:
    events = [kernel(1, 2, 3) | {"ph": phase} for phase in ("B", "E", "b", "e")]
    read, found = _read(write_trace(tmp_path / "t.json", events))
    assert [(each.start_ns, each.duration_ns, each.correlation_id) for each in found] == [
        (None, None, 3)
    ] * 2
    assert +read.noticed == {TraceWarning.BEGUN_KERNEL: 2, TraceWarning.OTHER_PHASE: 2}


@pytest.mark.parametrize("category", [None, 5, "", "gpu_kernel", "kernels,gpu"])
def test_an_event_with_the_args_of_a_kernel_stays_without_time(
    tmp_path: Path, category: Any
) -> None:
    like_kernels = [kernel(1, 2, 3) | {"cat": category}, kernel(1, 2, 3)]
    del like_kernels[1]["cat"]
    others = [event(category, "mm", 1, 2, args={"grid": [1, 1, 1], "block": None}), launch(1, 3)]
    read, found = _read(write_trace(tmp_path / "t.json", like_kernels + others))
    kinds = [(each.kind, each.start_ns) for each in found]
    assert kinds == [(Kind.KERNEL, None)] * 2 + [(Kind.CALL, 1000)]
    assert +read.noticed == {TraceWarning.LIKE_A_KERNEL: 2}
    assert read.others.total() == 1


def test_elements_that_are_no_events_are_told(tmp_path: Path) -> None:
    read, found = _read(write_trace(tmp_path / "t.json", [None, "no event", kernel(1, 2, 3), [1]]))
    assert len(found) == 1
    assert +read.noticed == {TraceWarning.NO_OBJECTS: 3}


def test_a_broken_event_costs_the_trace_only_if_it_may_be_a_kernel(tmp_path: Path) -> None:
    broken = KERNEL.replace('"grid": [8, 2, 1]', '"grid": [8,, 1]')
    operator = broken.replace('"kernel"', '"cpu_op"')
    read, found = _read(_text(tmp_path / "t.json", KERNEL, operator))
    assert len(found) == 1
    assert +read.noticed == {TraceWarning.BROKEN: 1}
    path = _text(tmp_path / "broken.json", KERNEL, broken)
    with pytest.raises(BadInput, match=Refusal.NOT_JSON) as raised:
        _read(path)
    assert f"broken at byte {path.read_bytes().index(b',, 1') + 1} " in raised.value.message


def test_a_bracket_of_another_kind_is_found(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="broken at byte 44"):
        _read(_text(tmp_path / "t.json", KERNEL[:27] + '{"z": 2}]'))


@pytest.mark.parametrize("depth", [5000, 200_000])
def test_arguments_nested_beyond_sense_are_left_out(tmp_path: Path, depth: int) -> None:
    nested = '{"cat": "cpu_op", "ph": "X", "args": ' + "[" * depth + "]" * depth + "}"
    _, found = _read(_text(tmp_path / "t.json", nested, KERNEL))
    assert len(found) == 1


@pytest.mark.parametrize(
    ("cell", "base_ns"),
    [
        ("1753800000123456789", 1_753_800_000_123_456_789),
        ('"1753800000123456789"', 1_753_800_000_123_456_789),
        ("1.753800000123456789e18", 1_753_800_000_123_456_789),
    ],
)
@pytest.mark.parametrize("before", [True, False])
def test_the_base_time_may_stand_anywhere(
    tmp_path: Path, cell: str, base_ns: int, before: bool
) -> None:
    member = f'"baseTimeNanoseconds": {cell}'
    text = f'{{{member}, "traceEvents": []}}' if before else f'{{"traceEvents": [], {member}}}'
    path = tmp_path / "t.json"
    path.write_text(text)
    read, _ = _read(path)
    assert read.base_ns == base_ns
    assert read.warnings() == []


@pytest.mark.parametrize("cell", ['"soon"', "1e30", "1e400", "[1]", "true", "null", "NaN"])
def test_a_base_time_that_is_no_time_is_told(tmp_path: Path, cell: str) -> None:
    path = _text(tmp_path / "t.json", top=f'"baseTimeNanoseconds": {cell}, ')
    read, _ = _read(path)
    assert read.base_ns == 0
    assert +read.noticed == {TraceWarning.NO_BASE_TIME: 1}


def test_an_annotation_without_a_name_has_none(tmp_path: Path) -> None:
    nameless = annotation("", 1, 2) | {"name": 5}
    _, (found,) = _read(write_trace(tmp_path / "t.json", [nameless]))
    assert found.name is None
