"""GPU metrics of an nsys export: names of any version, units, one row per time."""

from collections.abc import Callable

import pyarrow as pa
import pytest

from moeprof.parsers.messages import TraceWarning
from moeprof.parsers.nsys.clock import SessionClock
from moeprof.parsers.nsys.gpu_metrics import metric_column, read_gpu_samples
from moeprof.tests.nsys_file import NsysFile

TYPE = 281479271677952


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("SM Active", "sm_active_pct"),
        ("SM Active [Throughput %]", "sm_active_pct"),
        ("SMs Active [Throughput %]", "sm_active_pct"),
        ("DRAM Read Throughput", "dram_read_pct"),
        ("DRAM Read Bandwidth [Throughput %]", "dram_read_pct"),
        ("Compute Warps in Flight [Throughput %]", "warps_in_flight_pct"),
        ("Compute Warps in Flight [Avg]", None),
        ("Compute Warps in Flight [Avg Warps per Cycle]", None),
        ("GPC Clock Frequency [MHz]", "gpc_clock_mhz"),
        ("NVLink RX Responses User Data [Throughput %]", "nvlink_rx_pct"),
        ("Tensor Active / FP16 Active", None),
        ("EndTimestamp", None),
        ("", None),
    ],
)
def test_a_metric_is_found_by_its_name_in_any_version(name: str, column: str | None) -> None:
    assert metric_column(name) == column


def _samples(
    nsys_file: Callable[..., NsysFile], names: list[str], rows: list[tuple[int, int, int]]
) -> pa.Table | None:
    file = nsys_file()
    for metric, name in enumerate(names):
        file.add("TARGET_INFO_GPU_METRICS", typeId=TYPE, metricId=metric, metricName=name)
    for time, metric, value in rows:
        file.add("GPU_METRICS", timestamp=time, typeId=TYPE, metricId=metric, value=value)
    pieces = [
        samples.table for samples in read_gpu_samples(file.close(), SessionClock(0, 1000), [])
    ]
    return pa.concat_tables(pieces) if pieces else None


def test_one_row_a_time_and_null_for_what_was_not_sampled(
    nsys_file: Callable[..., NsysFile],
) -> None:
    rows = [(20, 0, 5), (10, 0, 4), (10, 1, 3), (-5, 0, 9)]
    table = _samples(nsys_file, ["SM Active", "Tensor Active"], rows)
    assert table is not None
    found = table.select(["gpu", "time_ns", "sm_active_pct", "tensor_active_pct", "sm_issue_pct"])
    assert found.to_pylist() == [
        dict(zip(found.column_names, row, strict=True))
        for row in [(0, 1010, 4.0, 3.0, None), (0, 1020, 5.0, None, None)]
    ]


@pytest.mark.parametrize("stored", [1980, 1_980_000_000])
def test_a_clock_is_in_mhz_whichever_unit_was_stored(
    nsys_file: Callable[..., NsysFile], stored: int
) -> None:
    table = _samples(nsys_file, ["SYS Clock Frequency [MHz]"], [(1, 0, stored), (2, 0, 0)])
    assert table is not None
    assert table["sys_clock_mhz"].to_pylist() == [1980.0, 0.0]


def test_requests_and_responses_of_nvlink_add_up(nsys_file: Callable[..., NsysFile]) -> None:
    names = ["NVLink TX Requests User Data", "NVLink TX Responses Protocol Data"]
    table = _samples(nsys_file, names, [(1, 0, 30), (1, 1, 4)])
    assert table is not None
    assert table["nvlink_tx_pct"].to_pylist() == [34.0]


def test_without_a_sample_there_is_no_table(nsys_file: Callable[..., NsysFile]) -> None:
    assert _samples(nsys_file, ["SM Active"], [(-1, 0, 3)]) is None


def test_metrics_of_unknown_names_are_told_once(nsys_file: Callable[..., NsysFile]) -> None:
    file = nsys_file()
    for metric, name in enumerate(["Warp  Speed", "SM Idle", "SM Idle"]):
        file.add("TARGET_INFO_GPU_METRICS", typeId=TYPE, metricId=metric, metricName=name)
        file.add("GPU_METRICS", timestamp=5, typeId=TYPE, metricId=metric, value=8)
    warnings: list[str] = []
    path = file.close()
    for _ in range(2):
        assert list(read_gpu_samples(path, SessionClock(0, 0), warnings)) == []
    (warning,) = warnings
    assert f"{TraceWarning.METRICS_UNKNOWN}: SM Idle, Warp Speed" in warning


def test_samples_far_out_of_order_are_sorted_by_their_time(
    nsys_file: Callable[..., NsysFile],
) -> None:
    """More rows than are read at once, from the last to the first."""
    times = range(140_000)
    table = _samples(nsys_file, ["SM Active"], [(t, 0, t % 101) for t in reversed(times)])
    assert table is not None
    assert table["time_ns"].to_pylist() == [1000 + t for t in times]
    assert table["sm_active_pct"].to_pylist() == [t % 101 for t in times]
