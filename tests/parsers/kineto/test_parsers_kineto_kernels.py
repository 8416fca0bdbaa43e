"""Kernel events to the columns of `launches`: odd values are null, and are counted."""

from pathlib import Path
from typing import Any

import pytest

from moeprof.parsers.kineto.events import KinetoEvents
from moeprof.parsers.kineto.kernels import KernelColumns, kernel_arguments
from moeprof.tests.parsers.kineto.chrome_trace import Event, event, kernel, write_trace


def _columns(path: Path, events: list[Event]) -> KernelColumns:
    columns = KernelColumns()
    for each in KinetoEvents(write_trace(path, events)):
        columns.add(each)
    return columns


def _row(path: Path, **args: Any) -> dict[str, Any]:
    (row,) = _columns(path, [kernel(1, 2, 3, **args)]).table().to_pylist()
    return dict(row)


def test_every_argument_has_its_column(tmp_path: Path) -> None:
    more = {"graph node id": 9, "est. achieved occupancy %": 31}
    assert _row(tmp_path / "t.json", **more) == {
        "kernel": "gelu", "start_ns": 1000, "duration_ns": 2000, "correlation_id": 3, "device": 0,
        "context": 1, "stream": 7, "graph_node_id": 9, "registers_per_thread": 40,
        "shared_bytes": 512, "grid_x": 8, "grid_y": 2, "grid_z": 1, "block_x": 256, "block_y": 1,
        "block_z": 1, "occupancy_estimate_pct": 31.0,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("args", "column", "expected"),
    [
        ({"stream": "7"}, "stream", 7),
        ({"registers per thread": 40.0}, "registers_per_thread", 40),
        ({"grid": "[4, 1, 1]"}, "grid_x", 4),
        ({"shared memory": 233_472}, "shared_bytes", 233_472),
        ({"device": -1}, "device", -1),
        ({"stream": None}, "stream", None),
    ],
)
def test_an_odd_form_is_read(tmp_path: Path, args: Event, column: str, expected: object) -> None:
    columns = _columns(tmp_path / "t.json", [kernel(1, 2, 3, **args)])
    assert columns.table()[column].to_pylist() == [expected]
    assert columns.unreadable == 0


@pytest.mark.parametrize(
    ("args", "column"),
    [({"stream": "default"}, "stream"), ({"device": 2**31}, "device"), ({"grid": [4, 1]}, "grid_y"),
     ({"context": 2**64}, "context"), ({"block": {"x": 1}}, "block_x"),
     ({"est. achieved occupancy %": "high"}, "occupancy_estimate_pct")],
)  # fmt: skip
def test_a_value_that_no_column_holds_is_null_and_counted(
    tmp_path: Path, args: Event, column: str
) -> None:
    columns = _columns(tmp_path / "t.json", [kernel(1, 2, 3, **args)])
    assert columns.table()[column].to_pylist() == [None]
    assert columns.unreadable == 1


@pytest.mark.parametrize(
    ("ts", "dur"),
    [(5, -1), (0, 0), (None, 1), (5, None), ("soon", 1), (5, "long"), (10**16, 1), (True, 1)],
)
def test_a_kernel_with_impossible_times_is_untimed(tmp_path: Path, ts: object, dur: object) -> None:
    table = _columns(tmp_path / "t.json", [kernel(ts, dur, 3)]).table()
    assert table.select(["start_ns", "duration_ns"]).to_pylist() == [
        {"start_ns": None, "duration_ns": None}
    ]


@pytest.mark.parametrize(("ts", "dur"), [(5, 0), (0, 5), (-1, 5)])
def test_a_time_may_be_zero_or_before_the_base(tmp_path: Path, ts: int, dur: int) -> None:
    table = _columns(tmp_path / "t.json", [kernel(ts, dur, 3)]).table()
    assert table["start_ns"].to_pylist() == [ts * 1000]


def test_kernels_without_name_and_of_proton_are_counted(tmp_path: Path) -> None:
    nameless = event("kernel", "", 1, 2)
    del nameless["name"]
    proton = event("kernel", "mm", 1, 2, args={"call_stack": ["ROOT", "mm"]})
    columns = _columns(tmp_path / "t.json", [nameless, proton])
    assert columns.table()["kernel"].to_pylist() == [None, "mm"]
    assert (columns.nameless, columns.by_proton) == (1, 1)


def test_more_kernels_than_are_held_at_once_keep_their_order(tmp_path: Path) -> None:
    events = [kernel(number, 1, number, f"k{number % 3}") for number in range(9000)]
    table = _columns(tmp_path / "t.json", events).table()
    assert table["correlation_id"].to_pylist() == list(range(9000))
    assert table["kernel"].to_pylist()[8997:] == ["k0", "k1", "k2"]


def test_no_kernels_are_an_empty_table() -> None:
    table = KernelColumns().table()
    assert table.num_rows == 0
    assert "grid_x" in table.column_names


def test_what_is_not_read_of_the_arguments_is_not_kept() -> None:
    found = kernel_arguments({"device": 1, "path": "/home", "stream": "secret"})
    assert found["device"] == 1
    assert found["stream"] is None
    assert "path" not in found
