"""A trace as tables: attribution, GPU metrics and timed calls of each kernel."""

from collections.abc import Callable

from moeprof.parsers.messages import TraceWarning
from moeprof.parsers.nsys.trace import read_nsys
from moeprof.parsers.trace_tables import trace_tables
from moeprof.tests.nsys_file import NsysFile
from moeprof.tests.parsers.pieces import concatenated

TYPE = 281479271677952


def _sampled(file: NsysFile, gpu: int = 0) -> NsysFile:
    file.add("TARGET_INFO_GPU", id=gpu, name="GPU")
    file.add("TARGET_INFO_GPU_METRICS", typeId=TYPE, metricId=0, metricName="SM Active")
    for time, value in ((100, 10), (200, 90)):
        file.add("GPU_METRICS", timestamp=time, typeId=TYPE, metricId=0, value=value)
    return file


def test_metrics_are_joined_with_their_sample_counts(nsys_file: Callable[..., NsysFile]) -> None:
    file = _sampled(nsys_file())
    for start, end in ((50, 150), (110, 120), (190, 290), (500, 600)):
        file.kernel(start, end, None)
    rows = concatenated(trace_tables(read_nsys(file.close()), "gelu.0", True))[
        "launches"
    ].to_pylist()
    found = [(r["metric_samples"], r["metric_coverage"], r["sm_active_pct"]) for r in rows]
    assert found == [(1, 1.0, 50.0), (0, 1.0, 90.0), (1, 0.1, 90.0), (0, 0.0, None)]
    assert {row["dram_read_pct"] for row in rows} == {None}


def test_an_untimed_kernel_has_no_metrics_and_its_call_no_busy_time(
    nsys_file: Callable[..., NsysFile],
) -> None:
    file = _sampled(nsys_file())
    file.call(10, 20, "gelu-b4#0.0", correlation=1)
    file.range(30, 40, "gelu-b4#0.1")
    file.launch(31, 32, 2)
    file.kernel(0, 0, 2)
    tables = concatenated(trace_tables(read_nsys(file.close()), None, True))
    timed, untimed = tables["launches"].to_pylist()
    assert (timed["duration_ns"], timed["metric_samples"]) == (50, 0)
    names = ("start_ns", "duration_ns", "metric_samples", "metric_coverage", "sm_active_pct")
    assert {untimed[name] for name in names} == {None}
    assert (untimed["range_name"], untimed["call"]) == ("gelu-b4#0.1", 1)
    assert tables["calls"]["busy_ns"].to_pylist() == [50, None]
    assert tables["calls"]["kernels"].to_pylist() == [1, 1]


def test_a_call_that_may_have_a_kernel_without_launching_call_has_no_busy_time(
    nsys_file: Callable[..., NsysFile],
) -> None:
    file = nsys_file()
    for number in range(3):
        file.call(1000 * number, 1000 * number + 20, f"gelu-b4#0.{number}", correlation=number)
    file.kernel(1200, 1300, None)  # its id was lost
    file.kernel(2200, 2300, 77)  # its call was lost
    trace = read_nsys(file.close())
    tables = concatenated(trace_tables(trace, None, True))
    assert tables["calls"]["busy_ns"].to_pylist() == [50, None, None]
    assert tables["calls"]["gap_ns"].to_pylist() == [0, None, None]
    assert trace.warnings == [f"{trace.file}: 2 {TraceWarning.UNSURE_CALLS}"]


def test_samples_of_another_gpu_are_not_joined(
    nsys_file: Callable[..., NsysFile],
) -> None:
    file = _sampled(nsys_file(), gpu=1)
    file.kernel(50, 150, None)
    (row,) = concatenated(trace_tables(read_nsys(file.close()), None, True))["launches"].to_pylist()
    assert (row["gpu"], row["metric_samples"], row["sm_active_pct"]) == (1, None, None)


def test_tables_name_their_recording_and_come_only_where_the_trace_has_rows(
    nsys_file: Callable[..., NsysFile],
) -> None:
    file = _sampled(nsys_file())
    file.call(10, 20, "gelu-b4#0.0", correlation=1)
    tables = concatenated(trace_tables(read_nsys(file.close()), "gelu.0", True))
    assert set(tables) == {"launches", "calls", "gpu_samples"}
    assert {name for t in tables.values() for name in t["recording"].to_pylist()} == {"gelu.0"}
    assert tables["calls"]["busy_ns"].to_pylist() == [50]

    bare = nsys_file("3.25.0")
    bare.range(10, 20, "gelu-b4#0.0")
    tables = concatenated(trace_tables(read_nsys(bare.close()), None, False))
    assert set(tables) == {"calls"}
    assert tables["calls"]["wall_ns"].to_pylist() == [10]


def test_a_range_within_the_call_does_not_hide_the_call(
    nsys_file: Callable[..., NsysFile],
) -> None:
    file = nsys_file()
    file.call(10, 50, "gelu-b4#0.0", correlation=1)
    file.range(11, 49, "aten::gelu")
    (row,) = concatenated(trace_tables(read_nsys(file.close()), None, True))["launches"].to_pylist()
    assert (row["range_name"], row["scenario_key"]) == ("aten::gelu", "gelu-b4")
