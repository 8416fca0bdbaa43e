"""An nsys export as a trace: synthetic cases, and real exports compared with a plain search."""

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from moeprof.parsers.attribution import RangeScope, Unattributed
from moeprof.parsers.messages import Refusal, TraceWarning
from moeprof.parsers.nsys.trace import read_nsys
from moeprof.parsers.trace_tables import trace_tables
from moeprof.store.errors import BadInput
from moeprof.tests.builders import EPOCH_NS
from moeprof.tests.nsys_file import PID, THREAD, NsysFile
from moeprof.tests.parsers.pieces import concatenated

OTHER_PID = 77


def _launches(path: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = _tables(path)["launches"].to_pylist()
    return rows


def test_a_kernel_that_runs_after_its_range_belongs_to_it(
    nsys_file: Callable[..., NsysFile],
) -> None:
    file = nsys_file()
    file.domain(1, "moeprof")
    file.range(10, 40, "gelu-b4#0.3", domainId=1)
    file.range(15, 30, "inner")
    file.launch(20, 25, correlation=5)
    file.kernel(100, 160, 5)
    (row,) = _launches(file.close())
    expected = {
        "kernel": "void gemm<float>(int)", "start_ns": EPOCH_NS + 100, "duration_ns": 60,
        "range_name": "inner", "unattributed": None, "scenario_key": "gelu-b4", "visit": 0,
        "call": 3, "grid_x": 4, "block_x": 128, "dynamic_shared_bytes": 1024, "stream": 7,
        "process": PID, "correlation_id": 5, "graph_node_id": None, "metric_samples": None,
    }  # fmt: skip
    assert expected.items() <= row.items()


def test_two_processes_may_use_the_same_correlation_id(
    nsys_file: Callable[..., NsysFile],
) -> None:
    file = nsys_file()
    for pid, start in ((PID, 0), (OTHER_PID, 5)):
        thread = (pid << 24) | 1
        file.range(start, start + 100, f"of {pid}", globalTid=thread)
        file.launch(start + 10, start + 20, 9, thread)
        file.kernel(start + 200, start + 210, 9, globalPid=pid << 24)
    rows = _launches(file.close())
    assert [(row["process"], row["range_name"]) for row in rows] == [
        (PID, f"of {PID}"),
        (OTHER_PID, f"of {OTHER_PID}"),
    ]


def test_each_kernel_is_one_row_with_the_reason_if_it_has_no_range(
    nsys_file: Callable[..., NsysFile],
) -> None:
    file = nsys_file()
    file.range(0, 100, "a")
    file.launch(10, 30, 1)
    file.launch(12, 28, 1, eventClass=1)  # the driver's row of the same launch
    file.launch(200, 210, 2)
    file.kernel(50, 60, 1)
    file.kernel(61, 62, 1, graphNodeId=8)  # a graph's nodes share their launch
    file.kernel(300, 310, 2)
    file.kernel(400, 410, 3)
    file.kernel(500, 510, None)
    found = [(row["range_name"], row["unattributed"]) for row in _launches(file.close())]
    assert found == [
        ("a", None),
        ("a", None),
        (None, Unattributed.NO_ENCLOSING_RANGE),
        (None, Unattributed.NO_API_CALL),
        (None, Unattributed.NO_CORRELATION_ID),
    ]


def test_a_launch_of_another_thread_belongs_to_the_start_end_range_of_its_process(
    nsys_file: Callable[..., NsysFile],
) -> None:
    file = nsys_file()
    other, elsewhere = THREAD + 9, OTHER_PID << 24
    file.range(0, 100, "backward", eventType=60)
    file.range(0, 100, "pushed")
    file.range(1, 90, "gelu-b4#0.0", eventType=60, endGlobalTid=other)
    file.range(60, 70, "in autograd", globalTid=other)
    for number, (start, thread) in enumerate([(10, other), (62, other), (95, THREAD)], start=1):
        file.launch(start, start + 2, number, thread)
        file.kernel(200 + number, 210, number)
    file.launch(10, 12, 1, elsewhere)
    file.kernel(300, 310, 1, globalPid=elsewhere)
    rows = _launches(file.close())
    assert [(row["range_name"], row["range_scope"], row["call"]) for row in rows] == [
        ("gelu-b4#0.0", RangeScope.PROCESS, 0),
        ("in autograd", RangeScope.THREAD, 0),
        ("pushed", RangeScope.THREAD, None),
        (None, None, None),
    ]
    assert rows[3]["unattributed"] == Unattributed.NO_ENCLOSING_RANGE


def test_one_id_of_two_separate_calls_is_settled_by_time(
    nsys_file: Callable[..., NsysFile],
) -> None:
    file = nsys_file()
    for start, name in ((0, "first"), (1000, "second")):
        file.range(start, start + 500, name)
        file.launch(start + 10, start + 20, 5)
        file.launch(start + 12, start + 18, 5, eventClass=1)
        file.kernel(start + 100, start + 160, 5)
    trace = read_nsys(file.close())
    assert [row["range_name"] for row in _launches(file.path)] == ["first", "second"]
    assert trace.warnings == [f"{trace.file}: 1 {TraceWarning.SEVERAL_LAUNCHES}"]


def test_without_process_the_id_alone_decides_where_one_process_calls_cuda(
    nsys_file: Callable[..., NsysFile],
) -> None:
    file = nsys_file()
    columns = file.columns["CUPTI_ACTIVITY_KIND_KERNEL"].replace("globalPid INTEGER, ", "")
    file.table("CUPTI_ACTIVITY_KIND_KERNEL", columns)
    file.range(0, 50, "a")
    file.launch(10, 20, 5)
    file.add("CUPTI_ACTIVITY_KIND_KERNEL", start=100, end=160, correlationId=5)
    trace = read_nsys(file.close())
    (row,) = _launches(file.path)
    assert (row["range_name"], row["process"]) == ("a", None)
    assert f"{trace.file}: 1 {TraceWarning.ONE_PROCESS}" in trace.warnings


def test_without_process_among_several_the_launching_call_is_not_known(
    nsys_file: Callable[..., NsysFile],
) -> None:
    file = nsys_file()
    for pid in (PID, OTHER_PID):
        file.launch(10, 20, 5, (pid << 24) | 1)
    file.kernel(100, 160, 5, globalPid=None)
    trace = read_nsys(file.close())
    (row,) = _launches(file.path)
    assert row["unattributed"] == Unattributed.UNKNOWN_API_CALL
    assert trace.warnings == [f"{trace.file}: 1 {TraceWarning.NO_PROCESS}"]


def _with_columns(file: NsysFile, table: str, old: str, new: str) -> None:
    file.table(table, file.columns[table].replace(old, new, 1))


@pytest.mark.parametrize(
    ("table", "column"),
    [("CUPTI_ACTIVITY_KIND_KERNEL", "end"), ("CUPTI_ACTIVITY_KIND_RUNTIME", "globalTid")],
)
def test_a_missing_column_is_named(
    nsys_file: Callable[..., NsysFile], table: str, column: str
) -> None:
    file = nsys_file()
    _with_columns(file, table, f"{column} INTEGER", "other INTEGER")
    file.add("CUPTI_ACTIVITY_KIND_KERNEL", start=100, correlationId=5, globalPid=PID << 24)
    file.add("CUPTI_ACTIVITY_KIND_RUNTIME", start=10, end=20, correlationId=5)
    trace = read_nsys(file.close())
    assert f"{trace.file}: {table} {TraceWarning.MISSING_COLUMNS} {column}" in trace.warnings


def test_columns_are_found_in_any_case(nsys_file: Callable[..., NsysFile]) -> None:
    file = nsys_file()
    _with_columns(file, "CUPTI_ACTIVITY_KIND_KERNEL", "start", "START")
    _with_columns(file, "CUPTI_ACTIVITY_KIND_RUNTIME", "correlationId", "CorrelationID")
    _with_columns(file, "NVTX_EVENTS", "eventType", "eventtype")
    file.call(10, 20, "gelu-b4#0.0", correlation=1)
    (row,) = _launches(file.close())
    assert (row["duration_ns"], row["call"]) == (50, 0)


@pytest.mark.parametrize("lost", ["start", "end"])
def test_a_launching_call_without_time_is_told_from_one_that_is_not_there(
    nsys_file: Callable[..., NsysFile], lost: str
) -> None:
    file = nsys_file()
    times = {"start": 10, "end": 20} | {lost: None}
    file.launch(times["start"], times["end"], 5)
    file.kernel(100, 160, 5)
    file.kernel(200, 260, 6)
    trace = read_nsys(file.close())
    reasons = [row["unattributed"] for row in _launches(file.path)]
    assert reasons == [Unattributed.UNKNOWN_API_CALL, Unattributed.NO_API_CALL]
    assert trace.warnings == [f"{trace.file}: 1 {TraceWarning.UNPLACED_CALLS}"]


def _with_broken_text(path: Path, *columns: tuple[str, str, str]) -> Path:
    """Put a byte that is no UTF-8 at the end of texts: (table, column, text)."""
    database = sqlite3.connect(path)
    for table, column, text in columns:
        database.execute(
            f"UPDATE {table} SET {column} = CAST({column} || x'ff' AS TEXT) WHERE {column} = ?",
            [text],
        )
    database.commit()
    database.close()
    return path


def test_text_that_is_no_utf8_matters_only_where_it_is_used(
    nsys_file: Callable[..., NsysFile],
) -> None:
    file = nsys_file()
    file.call(10, 20, "step", correlation=1)
    file.string("/home/nobody")
    file.range(1, None, "a mark", eventType=34)
    unused = [("StringIds", "value", "/home/nobody"), ("NVTX_EVENTS", "text", "a mark")]
    path = _with_broken_text(file.close(), *unused)
    assert read_nsys(path).warnings == []
    assert [row["range_name"] for row in _launches(path)] == ["step"]
    kernel = ("StringIds", "value", "void gemm<float>(int)")
    _with_broken_text(path, kernel, ("NVTX_EVENTS", "text", "step"))
    (warning,) = read_nsys(path).warnings
    assert f"2 {TraceWarning.NOT_UTF8}" in warning
    (row,) = _launches(path)
    assert (row["kernel"], row["range_name"]) == ("void gemm<float>(int)\ufffd", "step\ufffd")


def test_one_bad_cell_costs_its_value_alone(nsys_file: Callable[..., NsysFile]) -> None:
    file = nsys_file()
    file.range(0, 100, "a")
    bad: dict[str, Any] = {"gridX": "x", "registersPerThread": 2.5, "blockX": 2**40}
    for number, more in enumerate([{}, bad]):
        file.launch(10 + number, 20, number)
        file.kernel(200 + number, 300, number, **more)
    file.launch("x", 20, 2)
    file.kernel(400, "x", 2)
    path = file.close()
    columns = ("grid_x", "registers_per_thread", "block_x", "duration_ns", "range_name")
    assert [tuple(row[name] for name in columns) for row in _launches(path)] == [
        (4, 32, 128, 100, "a"),
        (None, None, None, 99, "a"),
        (4, 32, 128, None, None),
    ]
    untimed, unplaced, bad_cells = read_nsys(path).warnings
    assert TraceWarning.UNPLACED_CALLS in unplaced
    assert TraceWarning.UNTIMED in untimed
    assert f"5 {TraceWarning.BAD_CELLS}" in bad_cells


def test_nested_ranges_of_one_name_count_once(nsys_file: Callable[..., NsysFile]) -> None:
    file = nsys_file()
    file.range(0, 100, "step")
    file.range(10, 90, "step")
    file.launch(20, 30, 1)
    file.kernel(200, 210, 1)
    assert [row["range_name"] for row in _launches(file.close())] == ["step"]


def test_without_a_session_start_times_count_from_zero(
    nsys_file: Callable[..., NsysFile],
) -> None:
    file = nsys_file(epoch_ns=None)
    file.call(10, 20, "gelu-b4#0.0", correlation=1)
    trace = read_nsys(file.close())
    assert trace.kernels["start_ns"].to_pylist() == [120]
    (warning,) = trace.warnings
    assert TraceWarning.NO_SESSION_START in warning


KERNELS = {
    "saxpy_mpi_a100_nsys2022.2.1": (5, 0),
    "memfusion_rtx3090_nsys2023.1.2": (36, 0),
    "mygemm256_rtx3090_gpumetrics": (4, 0),
    "power_iteration_t4_nsys2025.3.1": (3689, 0),
    "mfu_2gpu_h100_nsys2026.2.1": (4010, 24),
}


@pytest.mark.parametrize("name", KERNELS)
def test_real_traces_have_as_many_kernels_as_published(sample_data: Path, name: str) -> None:
    rows = _launches(sample_data / "nsys" / f"{name}.sqlite")
    reasons = Counter(row["unattributed"] for row in rows)
    assert (len(rows), reasons[Unattributed.NO_API_CALL]) == KERNELS[name]


@pytest.mark.parametrize("name", KERNELS)
def test_sums_per_range_are_those_of_the_exhaustive_search(sample_data: Path, name: str) -> None:
    path = sample_data / "nsys" / f"{name}.sqlite"
    found: defaultdict[str, int] = defaultdict(int)
    for row in _launches(path):
        found[row["range_name"] or row["unattributed"]] += row["duration_ns"]
    assert found == _exhaustive_sums(path)


def _exhaustive_sums(path: Path) -> dict[str, int]:
    """Kernel time per innermost range, by comparing each kernel with every range of its thread."""
    database = sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)
    strings = dict(database.execute("select id, value from StringIds"))
    calls = defaultdict(list)
    for start, end, tid, correlation in database.execute(
        "select start, end, globalTid, correlationId from CUPTI_ACTIVITY_KIND_RUNTIME"
    ):
        calls[tid >> 24, correlation].append((start, end, tid))
    events: list[Any] = []
    if database.execute("select 1 from sqlite_master where name = 'NVTX_EVENTS'").fetchone():
        events = database.execute(
            "select eventType, start, end, globalTid, domainId, text, textId from NVTX_EVENTS"
        ).fetchall()
    domains = {
        (tid >> 24, domain): text for kind, _, _, tid, domain, text, _ in events if kind == 75
    }
    ranges = defaultdict(list)
    for kind, start, end, tid, domain, text, text_id in events:
        if kind == 59:
            prefix = domains.get((tid >> 24, domain))
            name = text if text_id is None else strings[text_id]
            ranges[tid].append((start, end, f"{prefix}:{name}" if prefix else name))
    sums: defaultdict[str, int] = defaultdict(int)
    for start, end, pid, correlation in database.execute(
        "select start, end, globalPid, correlationId from CUPTI_ACTIVITY_KIND_KERNEL"
    ):
        rows = calls.get((pid >> 24, correlation))
        around = []
        if rows:
            called, returned, tid = min(rows)
            around = [r for r in ranges[tid] if r[0] <= called and r[1] >= returned]
        reason = Unattributed.NO_ENCLOSING_RANGE if rows else Unattributed.NO_API_CALL
        sums[max(around)[2] if around else reason] += end - start
    database.close()
    return sums


def _tables(path: Path) -> dict[str, pa.Table]:
    return concatenated(trace_tables(read_nsys(path), None, True))


def test_one_report_exported_by_two_versions_parses_equal(sample_data: Path) -> None:
    first, second = sorted((sample_data / "nsys").glob("memfusion_*.sqlite"))
    assert _tables(first)["launches"].equals(_tables(second)["launches"])


def test_the_three_layouts_of_one_report_parse_equal(sample_data: Path) -> None:
    tables = [_tables(path) for path in sorted((sample_data / "nsys").glob("mygemm256_*.sqlite"))]
    assert len(tables) == 3
    for other in tables[1:]:
        assert other["gpu_samples"].equals(tables[0]["gpu_samples"])
        assert other["launches"].equals(tables[0]["launches"])
    assert tables[0]["launches"]["metric_samples"].to_pylist() == [2, 0, 0, 0]
    clocks = tables[0]["gpu_samples"]["gpc_clock_mhz"].to_numpy()
    assert 1900 < clocks.min() <= clocks.max() < 2400


def test_graphs_that_were_traced_whole_give_a_warning(nsys_file: Callable[..., NsysFile]) -> None:
    file = nsys_file()
    file.add("CUPTI_ACTIVITY_KIND_GRAPH_TRACE", start=1, end=2)
    (warning,) = read_nsys(file.close()).warnings
    assert f"1 {TraceWarning.GRAPHS_TRACED_WHOLE}" in warning


def test_an_export_without_a_version_and_a_session_start_is_read_by_its_columns(
    nsys_file: Callable[..., NsysFile],
) -> None:
    file = nsys_file("", epoch_ns=None)
    file.range(0, 100, "forward")
    file.launch(5, 7, 1)
    file.kernel(10, 15, 1)
    path = file.close()
    (row,) = _launches(path)
    assert (row["start_ns"], row["duration_ns"], row["range_name"]) == (10, 5, "forward")
    warnings = read_nsys(path).warnings
    for each in (TraceWarning.UNKNOWN_SCHEMA, TraceWarning.NO_SESSION_START):
        assert any(each in warning for warning in warnings)


def test_a_kernel_that_starts_before_its_launch_is_kept_as_clocks_differ(
    nsys_file: Callable[..., NsysFile],
) -> None:
    file = nsys_file()
    file.range(0, 100, "forward")
    file.launch(15, 17, 1)
    file.kernel(12, 17, 1)
    (row,) = _launches(file.close())
    assert (row["start_ns"], row["duration_ns"], row["range_name"]) == (EPOCH_NS + 12, 5, "forward")


def test_kernels_before_their_launch_are_counted_and_over_1_ms_early_have_no_range(
    nsys_file: Callable[..., NsysFile],
) -> None:
    file = nsys_file()
    file.range(0, 9_000_000, "forward")
    for number, early_ns in ((1, -5), (2, 1_000_000), (3, 1_000_001)):
        file.launch(5_000_000, 5_000_020, number)
        file.kernel(5_000_000 - early_ns, 5_000_100, number)
    path = file.close()
    rows = {row["correlation_id"]: row for row in _launches(path)}
    assert [rows[number]["range_name"] for number in (1, 2, 3)] == ["forward", "forward", None]
    assert rows[3]["unattributed"] == Unattributed.BEFORE_LAUNCH
    counted = [one for one in read_nsys(path).warnings if TraceWarning.STARTS_BEFORE_LAUNCH in one]
    assert [each.partition(": ")[2].partition(" ")[0] for each in counted] == ["1", "1"]


@pytest.mark.parametrize("start", [-1_000_000_100, 86_401 * 10**9])
def test_a_kernel_far_from_its_launch_has_the_time_of_another_clock_and_is_untimed(
    nsys_file: Callable[..., NsysFile], start: int
) -> None:
    file = nsys_file()
    for number, begin in ((1, start), (2, 30), (3, 0)):
        file.call(10, 20, f"gelu-b4#0.{number}", number)
        file.kernel(begin, begin + 5 if begin else 0, number)
    path = file.close()
    rows = [row for row in _launches(path) if row["duration_ns"] != 50]
    found = [(row["correlation_id"], row["start_ns"], row["duration_ns"]) for row in rows]
    assert found[0] == (2, EPOCH_NS + 30, 5)
    assert sorted(found[1:], key=str) == [(1, None, None), (3, None, None)]
    warnings = read_nsys(path).warnings
    assert any(f"1 {TraceWarning.FAR_FROM_LAUNCH}" in each for each in warnings)
    assert any(f"2 of 6 {TraceWarning.UNTIMED}" in each for each in warnings)


@pytest.mark.parametrize("start", [None, 2**63 - 1, -(2**63)])
def test_a_launch_without_a_possible_time_gives_no_range(
    nsys_file: Callable[..., NsysFile], start: int | None
) -> None:
    file = nsys_file()
    file.range(0, None, "forward")
    file.launch(start, 2**63 - 1, 1)
    file.kernel(12, 17, 1)
    (row,) = _launches(file.close())
    assert (row["range_name"], row["unattributed"]) == (None, Unattributed.UNKNOWN_API_CALL)


def test_names_of_any_length_and_script_stay(nsys_file: Callable[..., NsysFile]) -> None:
    file = nsys_file()
    kernel, name = f"void k<{'int, ' * 20_000}int>(int)", "\U0001f525" + "x" * 5_000 + "\0\n"
    file.range(0, 100, name)
    file.launch(15, 17, 1)
    file.kernel(20, 25, 1, kernel)
    (row,) = _launches(file.close())
    assert (row["kernel"], row["range_name"]) == (kernel, name)


def test_a_view_is_read_nowhere_and_refused_in_place_of_a_table(
    nsys_file: Callable[..., NsysFile],
) -> None:
    file = nsys_file()
    file.range(0, 100, "forward")
    file.launch(5, 7, 1)
    file.kernel(10, 15, 1)
    path = file.close()
    before = _tables(path)
    database = sqlite3.connect(path)
    database.execute("CREATE VIEW broken AS SELECT * FROM nowhere")
    assert _tables(path) == before
    database.execute("DROP VIEW broken")
    database.execute("ALTER TABLE NVTX_EVENTS RENAME TO stored")
    database.execute("CREATE VIEW NVTX_EVENTS AS SELECT * FROM stored")
    database.close()
    with pytest.raises(BadInput, match=f"NVTX_EVENTS {Refusal.NO_PLAIN_TABLE}"):
        _tables(path)
