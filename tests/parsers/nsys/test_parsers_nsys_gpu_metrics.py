"""GPU metrics of an nsys export: names of any version, units, one row per time."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

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


def _read(path: Path) -> tuple[pa.Table | None, list[str]]:
    """All samples of an export, and the warnings without the file's name."""
    warnings: list[str] = []
    pieces = [samples.table for samples in read_gpu_samples(path, SessionClock(0, 1000), warnings)]
    told = [warning.removeprefix(f"{path.name}: ") for warning in warnings]
    return pa.concat_tables(pieces) if pieces else None, told


def _samples(
    nsys_file: Callable[..., NsysFile], names: list[str], rows: list[tuple[int, int, int]]
) -> pa.Table | None:
    file = nsys_file()
    for metric, name in enumerate(names):
        file.add("TARGET_INFO_GPU_METRICS", typeId=TYPE, metricId=metric, metricName=name)
    for time, metric, value in rows:
        file.add("GPU_METRICS", timestamp=time, typeId=TYPE, metricId=metric, value=value)
    return _read(file.close())[0]


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


def test_a_sum_of_which_a_part_is_missing_is_null(nsys_file: Callable[..., NsysFile]) -> None:
    names = ["NVLink RX Requests User Data", "NVLink RX Responses User Data"]
    table = _samples(nsys_file, names, [(1, 0, 30), (1, 1, 4), (2, 0, 30)])
    assert table is not None
    assert table["nvlink_rx_pct"].to_pylist() == [34.0, None]


NVLINK = "NVLink RX Requests User Data"
ALIASES = ["SM Active", "SMs Active [Throughput %]", NVLINK, NVLINK]


@pytest.mark.parametrize(
    ("again", "expected", "told"),
    [
        ([], (50.0, 7.0), []),
        ([(1, 0, 50), (1, 2, 7)], (50.0, 7.0), []),
        ([(1, 1, 50), (1, 3, 7)], (50.0, 7.0), []),
        ([(1, 1, 60)], (55.0, 7.0), [f"1 {TraceWarning.SAMPLES_DIFFER}"]),
    ],
)
def test_several_readings_of_a_metric_at_one_time_are_one(
    nsys_file: Callable[..., NsysFile],
    again: list[tuple[int, int, int]],
    expected: tuple[float, float],
    told: list[str],
) -> None:
    file = nsys_file()
    for metric, name in enumerate(ALIASES):
        file.add("TARGET_INFO_GPU_METRICS", typeId=TYPE, metricId=metric, metricName=name)
    for time, metric, value in [(1, 0, 50), (1, 2, 7), *again]:
        file.add("GPU_METRICS", timestamp=time, typeId=TYPE, metricId=metric, value=value)
    table, warnings = _read(file.close())
    assert table is not None
    (row,) = table.to_pylist()
    assert (row["sm_active_pct"], row["nvlink_rx_pct"]) == expected
    assert warnings == told


@pytest.mark.parametrize("as_json", [False, True])
def test_an_impossible_value_is_null_and_counted(
    nsys_file: Callable[..., NsysFile], as_json: bool
) -> None:
    file = nsys_file()
    values = [50, -5, 104, 111, -(2**40) + 50]
    if not as_json:
        file.add("TARGET_INFO_GPU_METRICS", typeId=TYPE, metricId=0, metricName="SM Active")
    for time, value in enumerate(values):
        if as_json:
            data = json.dumps({"SM Active": str(value)})
            file.add("GENERIC_EVENTS", rawTimestamp=time, typeId=TYPE, data=data)
        else:
            file.add("GPU_METRICS", timestamp=time, typeId=TYPE, metricId=0, value=value)
    table, warnings = _read(file.close())
    assert table is not None
    assert table["sm_active_pct"].to_pylist() == [50.0, None, 104.0, None, None]
    assert warnings == [f"3 {TraceWarning.IMPOSSIBLE_SAMPLES}"]


@pytest.mark.parametrize(
    ("name", "row", "told"),
    [
        (None, {}, f"2 {TraceWarning.UNNAMED_METRICS}"),
        ({"metricName": None}, {}, f"2 {TraceWarning.UNNAMED_METRICS}"),
        ({"typeId": None}, {}, f"2 {TraceWarning.UNNAMED_METRICS}"),
        ({}, {"typeId": TYPE + 1}, f"1 {TraceWarning.UNNAMED_METRICS}"),
        ({}, {"typeId": None}, f"1 {TraceWarning.UNNAMED_METRICS}"),
        ({}, {"metricId": 9}, f"1 {TraceWarning.UNNAMED_METRICS}"),
        ({}, {"value": None}, f"1 {TraceWarning.SAMPLES_WITHOUT_VALUE}"),
    ],
)
def test_what_cannot_be_read_is_counted(
    nsys_file: Callable[..., NsysFile], name: dict[str, Any] | None, row: dict[str, Any], told: str
) -> None:
    file = nsys_file()
    whole = {"typeId": TYPE, "metricId": 0}
    if name is not None:
        file.add("TARGET_INFO_GPU_METRICS", **(whole | {"metricName": "SM Active"} | name))
    for time, more in ((5, {}), (6, row)):
        file.add("GPU_METRICS", **({"timestamp": time, "value": 8} | whole | more))
    table, warnings = _read(file.close())
    assert warnings == [told]
    assert (table is None) == told.startswith("2")


def test_a_table_without_metric_ids_is_counted(nsys_file: Callable[..., NsysFile]) -> None:
    file = nsys_file()
    file.table("GPU_METRICS", "timestamp INTEGER, typeId INTEGER, value INTEGER")
    file.add("TARGET_INFO_GPU_METRICS", typeId=TYPE, metricId=0, metricName="SM Active")
    file.add("GPU_METRICS", timestamp=5, typeId=TYPE, value=8)
    assert _read(file.close()) == (None, [f"1 {TraceWarning.UNNAMED_METRICS}"])


@pytest.mark.parametrize(
    ("event", "told"),
    [
        ({"data": '["SM Active", "8"]'}, TraceWarning.BAD_CELLS),
        ({"data": '{"SM Active": "8"}', "typeId": None}, TraceWarning.SAMPLES_OF_NO_GPU),
    ],
)
def test_an_event_without_metrics_or_gpu_is_counted(
    nsys_file: Callable[..., NsysFile], event: dict[str, Any], told: TraceWarning
) -> None:
    file = nsys_file()
    file.add("GENERIC_EVENTS", **({"rawTimestamp": 5, "typeId": TYPE} | event))
    table, (warning,) = _read(file.close())
    assert table is None
    assert warning.startswith(f"1 {told}")


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
