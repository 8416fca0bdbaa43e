"""Chrome traces of torch.profiler: every kernel is kept, with its range or the reason for none."""

import codecs
from pathlib import Path
from typing import Any

import pytest

from moeprof.parsers.attribution import Unattributed
from moeprof.parsers.events import Trace
from moeprof.parsers.kineto.trace import read_kineto
from moeprof.parsers.messages import Refusal, TraceWarning
from moeprof.parsers.trace_tables import trace_tables
from moeprof.store.errors import BadInput
from moeprof.tests.builders import EPOCH_NS
from moeprof.tests.parsers.kineto.chrome_trace import (
    annotation,
    event,
    kernel,
    launch,
    trace_text,
    write_trace,
)
from moeprof.tests.parsers.pieces import concatenated

EVENTS = [
    annotation("gelu-b4#0.0", 10.0, 10.0),
    annotation("gelu-b4#0.0", 10.0, 10.0, tid=99),
    event("gpu_user_annotation", "gelu-b4#0.0", 30.0, 5.0, pid=0, tid=7),
    event("cpu_op", "aten::gelu", 11.0, 6.0),
    launch(12.0, 5),
    kernel(30.125, 1.5, 5),
    {"ph": "M", "name": "process_name", "pid": 12},
]


def _launches(trace: Trace) -> list[dict[str, Any]]:
    return concatenated(trace_tables(trace, None, True))["launches"].to_pylist()


def _calls(trace: Trace) -> list[dict[str, Any]]:
    return concatenated(trace_tables(trace, None, True))["calls"].to_pylist()


@pytest.mark.parametrize("name", ["trace.json", "trace.json.gz"])
def test_a_kernel_goes_to_the_annotation_of_the_thread_that_launched_it(
    tmp_path: Path, name: str
) -> None:
    path = write_trace(tmp_path / name, EVENTS, baseTimeNanoseconds=EPOCH_NS)
    trace = read_kineto(path)
    (row,) = _launches(trace)
    expected = {
        "kernel": "gelu", "start_ns": EPOCH_NS + 30_125, "duration_ns": 1500, "grid_x": 8,
        "grid_y": 2, "block_x": 256, "registers_per_thread": 40, "stream": 7, "device": 0,
        "correlation_id": 5, "process": 12, "range_name": "gelu-b4#0.0", "call": 0,
    }  # fmt: skip
    assert expected.items() <= row.items()
    assert [call["kernels"] for call in _calls(trace)] == [1, 0]  # thread 99 launched nothing
    assert trace.warnings == []


def _twelve_kernels(path: Path, since_us: int, **top: Any) -> Path:
    """A call of 12 kernels of 640 ns, with a gap of 1 ns between each two."""

    def at(time_ns: int) -> str:
        return f"{since_us + time_ns // 1000}.{time_ns % 1000:03}"

    events = [annotation("fc1-b8#0.0", f"<{at(0)}>", 50.0)]
    for number in range(12):
        events.append(launch(f"<{at(1000 + 400 * number)}>", number))
        events.append(kernel(f"<{at(20_000 + 641 * number)}>", 0.64, number))
    text = trace_text(events, **top)
    path.write_text(text.replace('"<', "").replace('>"', ""))  # numbers, as torch writes them
    return path


def test_microseconds_since_the_epoch_are_exact(tmp_path: Path) -> None:
    base_us = 1_713_100_000_123_456
    since_epoch = read_kineto(_twelve_kernels(tmp_path / "abs.json", base_us))
    top = {"baseTimeNanoseconds": base_us * 1000, "displayTimeUnit": "ns"}
    since_base = read_kineto(_twelve_kernels(tmp_path / "rel.json", 0, **top))
    assert _launches(since_epoch) == _launches(since_base)
    for trace in (since_epoch, since_base):
        (call,) = _calls(trace)
        assert (call["busy_ns"], call["gap_ns"]) == (7680, 11)


def test_categories_in_capitals_as_older_torch_wrote_them(tmp_path: Path) -> None:
    events = [annotation("fwd", 10, 200)]
    for number in range(4):
        events.append(launch(20 + number, number) | {"cat": "Runtime"})
        events.append(kernel(40 + 10 * number, 3.5, number) | {"cat": "Kernel"})
    rows = _launches(read_kineto(write_trace(tmp_path / "t.json", events)))
    assert sum(row["duration_ns"] for row in rows) == 14_000
    assert [row["range_name"] for row in rows] == ["fwd"] * 4


def test_a_kernel_before_its_launch_is_kept_and_counted(tmp_path: Path) -> None:
    events = [annotation("a2a", 10, 400)]
    for number in range(10):
        early_us = 1.2 if number in (3, 5) else -8
        events.append(launch(20 + 10 * number, number))
        events.append(kernel(20 + 10 * number - early_us, 3.5, number))
    trace = read_kineto(write_trace(tmp_path / "t.json", events))
    rows = _launches(trace)
    assert [row["range_name"] for row in rows] == ["a2a"] * 10
    assert sum(row["duration_ns"] for row in rows) == 35_000
    (warning,) = trace.warnings
    assert warning.startswith(f"t.json: 2 {TraceWarning.STARTS_BEFORE_LAUNCH}, by up to 1.200 us")


def test_a_kernel_long_before_its_launch_is_kept_without_a_range_and_counted(
    tmp_path: Path,
) -> None:
    epoch_us = EPOCH_NS // 1000
    events = [
        annotation("fc1-b8#0.0", epoch_us, 100),
        annotation("fc1-b8#0.1", epoch_us + 200, 100),
    ]
    for number, early_us in enumerate((-8, 999, 1001, -8)):
        at_us = epoch_us + 10 + 5 * number + 200 * (number == 3)
        events.append(launch(at_us, number))
        events.append(kernel(at_us - early_us, 3.5, number, f"k{number}"))
    trace = read_kineto(write_trace(tmp_path / "t.json", events))
    rows = {row["kernel"]: row for row in _launches(trace)}
    assert {name for name, row in rows.items() if row["range_name"] is None} == {"k2"}
    assert rows["k2"]["unattributed"] == "starts more than 1 ms before its launch"
    assert rows["k2"]["duration_ns"] == 3500
    whose_kernel_is_lost, other = _calls(trace)
    assert whose_kernel_is_lost["busy_ns"] is None
    assert other["busy_ns"] == 3500
    skewed, early = trace.warnings
    assert skewed.startswith(f"t.json: 1 {TraceWarning.STARTS_BEFORE_LAUNCH}, by up to 999.000 us")
    assert early.startswith(f"t.json: 1 {TraceWarning.STARTS_BEFORE_LAUNCH}, by up to 1001.000 us")
    assert "without a range" in early


@pytest.mark.parametrize("off_us", [-1.1e6, 1e11, -1e11])
def test_a_kernel_with_a_time_of_another_clock_is_untimed(tmp_path: Path, off_us: float) -> None:
    epoch_us = EPOCH_NS // 1000
    events = [
        annotation("fc1-b8#0.0", epoch_us, 100),
        launch(epoch_us + 1, 1),
        kernel(epoch_us + off_us, 2, 1, "lost"),
        launch(epoch_us + 5, 2),
        kernel(epoch_us + 9, 2, 2, "good"),
    ]
    trace = read_kineto(write_trace(tmp_path / "t.json", events))
    good, lost = _launches(trace)
    assert (good["kernel"], good["duration_ns"]) == ("good", 2000)
    assert (lost["kernel"], lost["start_ns"], lost["duration_ns"]) == ("lost", None, None)
    assert lost["range_name"] == "fc1-b8#0.0"
    assert _calls(trace)[0]["busy_ns"] is None
    far, untimed = trace.warnings
    assert f"1 {TraceWarning.FAR_FROM_LAUNCH}" in far
    assert f"1 of 2 {TraceWarning.UNTIMED}" in untimed


def test_a_skew_of_milliseconds_keeps_the_time(tmp_path: Path) -> None:
    trace = read_kineto(write_trace(tmp_path / "t.json", [launch(9000, 1), kernel(1000, 2, 1)]))
    assert trace.kernels["start_ns"].to_pylist() == [1_000_000]


@pytest.mark.parametrize(("ts", "dur"), [(30, -1), (0, 0), ("soon", 1), (None, 1)])
def test_an_impossible_time_makes_the_kernel_untimed_and_the_call_not_busy(
    tmp_path: Path, ts: object, dur: object
) -> None:
    trace = read_kineto(
        write_trace(
            tmp_path / "t.json", [*EVENTS, launch(13, 6), kernel(ts, dur, 6)],
            baseTimeNanoseconds=EPOCH_NS,
        )
    )  # fmt: skip
    assert trace.kernels["start_ns"].to_pylist() == [EPOCH_NS + 30_125, None]
    assert _calls(trace)[0] | {"busy_ns": None, "kernels": 2} == _calls(trace)[0]
    (warning,) = trace.warnings
    assert f"1 of 2 {TraceWarning.UNTIMED}" in warning


def test_kernels_without_any_call_are_kept_with_the_reason(tmp_path: Path) -> None:
    kernels = [kernel(40 + 10 * number, 3.5, 100 + number) for number in range(3)]
    synchronise = event("cuda_runtime", "cudaDeviceSynchronize", 20, 5, args={})
    for events in (kernels, [annotation("fwd", 10, 200), synchronise, *kernels]):
        rows = _launches(read_kineto(write_trace(tmp_path / "t.json", events)))
        assert [row["unattributed"] for row in rows] == [Unattributed.NO_API_CALL] * 3


def test_a_trace_of_proton_is_known_by_its_kernels(tmp_path: Path) -> None:
    proton = event("kernel", "mm", 5.25, 12.5, args={"call_stack": ["ROOT", "mm"]})
    trace = read_kineto(write_trace(tmp_path / "t.json", [proton], displayTimeUnit="us"))
    (row,) = _launches(trace)
    assert (row["duration_ns"], row["unattributed"]) == (12_500, Unattributed.NO_CORRELATION_ID)
    assert TraceWarning.PROTON in trace.warnings[0]


def test_kernels_of_a_graph_share_its_launch(tmp_path: Path) -> None:
    nodes = [kernel(40 + number, 0.5, 100) for number in range(6)]
    for number, node in enumerate(nodes):
        node["args"]["graph node id"] = number
    events = [annotation("step", 10, 100), launch(20, 100), *nodes]
    rows = _launches(read_kineto(write_trace(tmp_path / "t.json", events)))
    assert [(row["range_name"], row["graph_node_id"]) for row in rows] == [
        ("step", number) for number in range(6)
    ]


def test_events_that_come_twice_are_kept_twice(tmp_path: Path) -> None:
    rows = _launches(read_kineto(write_trace(tmp_path / "t.json", EVENTS * 2)))
    assert [row["range_name"] for row in rows] == ["gelu-b4#0.0"] * 2


def test_calls_of_several_processes_are_refused(tmp_path: Path) -> None:
    calls = [launch(1.0, 1), launch(2.0, 1, pid=13)]
    assert not read_kineto(write_trace(tmp_path / "t.json", calls)).kernels.num_rows
    path = write_trace(tmp_path / "t.json", [*calls, kernel(40, 2, 1)])
    with pytest.raises(BadInput, match=f"{Refusal.SEVERAL_PROCESSES} 2") as raised:
        read_kineto(path)
    assert path.name in raised.value.message
    assert "(12, 13)" in raised.value.message
    assert raised.value.hint


@pytest.mark.parametrize("pid", ["x", -1, None, {}])
def test_a_call_of_no_process_is_of_the_one_that_made_the_others(
    tmp_path: Path, pid: object
) -> None:
    events = [*EVENTS, launch(13, 6, pid=pid), kernel(40, 2, 6)]
    trace = read_kineto(write_trace(tmp_path / "t.json", events))
    assert [(row["range_name"], row["process"]) for row in _launches(trace)] == [
        ("gelu-b4#0.0", 12)
    ] * 2
    (warning,) = trace.warnings
    assert warning == f"t.json: 1 {TraceWarning.OF_NO_PROCESS}"


def test_without_a_known_process_the_names_of_processes_part_them(tmp_path: Path) -> None:
    events = [annotation("fwd", 10, 10, pid="a"), launch(12, 5, pid="a"), kernel(30, 2, 5)]
    trace = read_kineto(write_trace(tmp_path / "one.json", events))
    assert [(row["range_name"], row["process"]) for row in _launches(trace)] == [("fwd", None)]
    assert trace.warnings == []
    with pytest.raises(BadInput, match=Refusal.SEVERAL_PROCESSES):
        read_kineto(write_trace(tmp_path / "two.json", [*events, launch(13, 5, pid="b")]))


@pytest.mark.parametrize("change", [{"tid": [1]}, {"tid": None}, {"ts": "soon"}, {"dur": -1}])
def test_a_call_without_thread_or_time_leaves_a_timed_call_without_busy_time(
    tmp_path: Path, change: dict[str, Any]
) -> None:
    events = [annotation("fc1-b8#0.0", 10, 10), launch(11, 5), kernel(30, 2, 5)]
    events += [launch(13, 6) | change, kernel(40, 2, 6)]
    trace = read_kineto(write_trace(tmp_path / "t.json", events))
    assert trace.warnings == [f"t.json: 1 {TraceWarning.UNPLACED_CALLS}"]
    assert _launches(trace)[1]["unattributed"] == Unattributed.UNKNOWN_API_CALL
    assert _calls(trace)[0]["busy_ns"] is None


@pytest.mark.parametrize("other_ts", [12, 13, 15])
def test_an_id_shared_by_calls_that_are_not_one_launch_is_told(
    tmp_path: Path, other_ts: int
) -> None:
    driver = event("cuda_driver", "cuLaunchKernel", 12.5, 1.0, args={"correlation": 5})
    within = read_kineto(write_trace(tmp_path / "within.json", [*EVENTS, driver]))
    assert within.warnings == []
    other_rank = [launch(other_ts, 5, tid=99), kernel(32, 1, 5), launch(14, 8), kernel(34, 1, 8)]
    merged = read_kineto(write_trace(tmp_path / "merged.json", [*EVENTS, *other_rank]))
    assert merged.warnings == [f"merged.json: 2 {TraceWarning.SEVERAL_LAUNCHES}"]


@pytest.mark.parametrize("change", [{"ph": "B"}, {"cat": "gpu_kernel"}, {"cat": None}])
def test_a_call_has_no_busy_time_where_a_kernel_is_not_written_as_one(
    tmp_path: Path, change: dict[str, Any]
) -> None:
    events = [*EVENTS, launch(13, 6), kernel(40, 2, 6) | change]
    trace = read_kineto(write_trace(tmp_path / "t.json", events))
    call = _calls(trace)[0]
    assert (call["busy_ns"], call["gap_ns"], call["kernels"]) == (None, None, 2)


def test_processes_without_cuda_calls_are_no_reason_to_refuse(tmp_path: Path) -> None:
    helper = [annotation("load", 1, 2, pid=13), event("cpu_op", "aten::copy_", 1, 2, pid=14)]
    trace = read_kineto(
        write_trace(tmp_path / "t.json", [*EVENTS, *helper, launch(14, 9, pid="12")])
    )
    (row,) = _launches(trace)
    assert (row["process"], row["range_name"]) == (12, "gelu-b4#0.0")


def test_what_has_no_time_or_name_is_told(tmp_path: Path) -> None:
    events = [
        *EVENTS,
        launch("soon", 1),
        annotation("never", 1, None),
        annotation("", 1, 2) | {"name": None},
        kernel(31, 1, 8, stream="default") | {"name": None},
    ]
    found = read_kineto(write_trace(tmp_path / "t.json", events)).warnings
    assert found == [
        f"t.json: 1 {TraceWarning.NO_TIME}",
        f"t.json: 1 {TraceWarning.UNPLACED_CALLS}",
        f"t.json: 1 {TraceWarning.UNNAMED_KERNELS}",
        f"t.json: 1 {TraceWarning.UNNAMED_RANGES}",
        f"t.json: 1 {TraceWarning.UNREADABLE_CELL}",
    ]


@pytest.mark.parametrize(
    "encoded",
    [
        lambda text: codecs.BOM_UTF8 + text.encode(),
        lambda text: text.encode("utf-16"),
        lambda text: text.encode("utf-16-be"),
        lambda text: b" " * 70_000 + text.encode(),
        lambda text: text.replace("aten::gelu", "C:\\Users\t").encode(),
        lambda text: text.replace("aten::gelu", "caf\xe9").encode("latin-1"),
    ],
    ids=["bom", "utf16", "utf16-be", "spaces", "escape", "latin"],
)
def test_the_form_of_the_text_changes_nothing(tmp_path: Path, encoded: Any) -> None:
    plain, other = tmp_path / "plain.json", tmp_path / "other.json"
    text = trace_text(EVENTS, baseTimeNanoseconds=EPOCH_NS)
    plain.write_text(text)
    other.write_bytes(encoded(text))
    assert _launches(read_kineto(other)) == _launches(read_kineto(plain))


@pytest.mark.parametrize(
    ("file", "kernels", "time_ns", "reason"),
    [
        ("20-kineto-capital-categories/old.json", 4, 14_000, Unattributed.NO_ENCLOSING_RANGE),
        ("21-kineto-absolute-ns-ts/calls_abs.json", 60, 38_400, None),
        ("21-kineto-absolute-ns-ts/calls_rel.json", 60, 38_400, None),
        ("23-kineto-invalid-escape/win.json", 4, 14_000, None),
        ("24-kineto-control-char/tab.json", 4, 14_000, None),
        ("25-kineto-not-utf8/latin.json", 4, 14_000, None),
        ("26-kineto-launch-skew/skew.json", 10, 35_000, None),
        ("26-kineto-launch-skew/all_skew.json", 10, 35_000, None),
        ("29-kineto-bom/bom.json", 4, 14_000, None),
        ("29-kineto-bom/spaces.json", 4, 14_000, None),
        ("29-kineto-bom/utf16.json", 4, 14_000, None),
        ("34-kineto-duplicates/dup.json", 8, 28_000, None),
        ("37-kineto-odd-args/args_null.json", 1, 3500, None),
        ("37-kineto-odd-args/corr_text.json", 1, 3500, None),
        ("38-proton-trace/gpu_only.json", 3, 10_500, Unattributed.NO_API_CALL),
        ("38-proton-trace/api_without_corr.json", 3, 10_500, Unattributed.NO_API_CALL),
        ("39-kineto-graph/graph.json", 6, 21_000, None),
    ],
)
def test_reported_situations_come_out_right(
    sample_data: Path, file: str, kernels: int, time_ns: int, reason: Unattributed | None
) -> None:
    rows = _launches(read_kineto(sample_data / "reports" / file))
    assert [row["unattributed"] for row in rows] == [reason] * kernels
    assert sum(row["duration_ns"] for row in rows) == time_ns


def test_a_trace_that_torch_wrote_has_its_ranges(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    path = tmp_path / "real.json.gz"
    kinds = [torch.profiler.ProfilerActivity.CPU]
    with torch.profiler.profile(activities=kinds, acc_events=True) as profiler:
        for call in range(3):
            with torch.profiler.record_function(f"gelu-b4#0.{call}"):
                torch.nn.functional.gelu(torch.ones(4, 1024))
    profiler.export_chrome_trace(str(path))
    tables = concatenated(trace_tables(read_kineto(path), None, on_gpu=False))
    calls = tables["calls"].to_pylist()
    assert [row["call"] for row in calls] == [0, 1, 2]
    assert all(row["wall_ns"] > 0 for row in calls)
    assert calls[0]["start_ns"] > EPOCH_NS
