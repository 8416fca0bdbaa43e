"""An Arrow export gives the rows of the SQLite export of the same report."""

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moeprof.parsers.messages import Refusal
from moeprof.parsers.nsys.arrow_tables import is_arrow_export, open_arrow
from moeprof.parsers.nsys.columns import Column, Columns, Tables
from moeprof.parsers.nsys.export import open_export
from moeprof.parsers.nsys.read_columns import READ_TABLES
from moeprof.parsers.nsys.sqlite_tables import open_sqlite
from moeprof.parsers.trace_file import parse_trace
from moeprof.store.errors import BadInput
from moeprof.tests.arrow_export import as_arrow, write_stream
from moeprof.tests.nsys_file import NsysFile
from moeprof.tests.parsers.pieces import concatenated, same_tables

GPU_TYPE = 281479271677952
POWER_TYPE = GPU_TYPE + 1024

_TIMED: Columns = {
    "time": Column(("a", "b"), pa.int64()),
    "a": Column(("a",), pa.int64()),
    "text": Column(("text",), pa.string()),
    "lacking": Column((), pa.float64()),
}


def _full(file: NsysFile) -> Path:
    """An export with rows in every table that is read."""
    file.domain(3, "moeprof")
    for number in range(20):
        file.call(1000 * number, 1000 * number + 400, f"gelu-b4#0.{number}", number)
    file.range(500, None, "never closed", domainId=3)
    file.range(600, 700, None, textId=file.string("by its id"), eventType=60)
    file.kernel(50, 60, None, name="void émoji<🙂>()", graphNodeId=2**40)
    file.add("CUPTI_ACTIVITY_KIND_GRAPH_TRACE", start=1, end=2)
    file.add("TARGET_INFO_SYSTEM_ENV", name="a table that is not read")
    file.add("TARGET_INFO_GPU", id=0, name="synthetic")
    file.add("TARGET_INFO_CUDA_DEVICE", gpuId=0, cudaId=0, pid=4242)
    file.add("DIAGNOSTIC_EVENT", timestamp=2, severity=2, text="NVTX lost\nsome")
    file.add("DIAGNOSTIC_EVENT", timestamp=1, severity=3, text="CUDA failed")
    for metric, name in enumerate(["SM Active", "GPC Clock Frequency [MHz]"]):
        file.add("TARGET_INFO_GPU_METRICS", typeId=GPU_TYPE, metricId=metric, metricName=name)
        for time in range(-100, 20_000, 100):
            value = -1964454041 if metric else time // 200
            file.add("GPU_METRICS", timestamp=time, typeId=GPU_TYPE, metricId=metric, value=value)
    file.add("GENERIC_EVENT_TYPES", typeId=POWER_TYPE, data='{"Fields": [{"Name": "Power"}]}')
    for time in range(0, 20_000, 1000):
        data = f'{{"Power": "{70_000 + time}"}}'
        file.add("GENERIC_EVENTS", rawTimestamp=time - 5, typeId=POWER_TYPE, data=data)
    return file.close()


def test_both_exports_give_the_same_tables_and_warnings(
    nsys_file: Callable[..., NsysFile],
) -> None:
    sqlite = _full(nsys_file())
    arrow = as_arrow(sqlite)
    for file in arrow.iterdir():
        if file.stem not in READ_TABLES:
            file.unlink()
    by_sqlite, by_arrow = parse_trace(sqlite), parse_trace(arrow)
    expected = concatenated(by_sqlite.pieces)
    assert expected.keys() >= {"launches", "calls", "gpu_samples", "power_samples"}
    assert concatenated(by_arrow.pieces) == expected
    warnings = [each.replace(arrow.name, sqlite.name) for each in by_arrow.warnings]
    assert warnings == by_sqlite.warnings


def test_both_exports_give_the_same_fields_of_generic_events(
    nsys_file: Callable[..., NsysFile],
) -> None:
    file = nsys_file()
    file.kernel(0, 9, None)
    field = file.string("SM Active")
    file.add(
        "GENERIC_EVENT_TYPE_FIELDS", typeId=GPU_TYPE, fieldIdx=0, fieldNameId=field, size=8, type=3
    )
    for number in range(5):
        file.add("GENERIC_EVENTS", genericEventId=number, timestamp=number, typeId=GPU_TYPE)
        file.add("GENERIC_EVENT_DATA", genericEventId=number, fieldIdx=0, doubleVal=number / 2)
    sqlite = file.close()
    expected = concatenated(parse_trace(sqlite).pieces)
    assert expected["gpu_samples"]["sm_active_pct"].to_pylist() == [0, 0.5, 1, 1.5, 2]
    assert concatenated(parse_trace(as_arrow(sqlite)).pieces) == expected


@pytest.mark.parametrize(
    "name",
    [
        "saxpy_mpi_a100_nsys2022.2.1",
        "mygemm256_rtx3090_export2022.4.2_json_only",
        "mygemm256_rtx3090_export2023.4.4_both",
        "power_iteration_t4_nsys2025.3.1",
        "mfu_2gpu_h100_nsys2026.2.1",
    ],
)
def test_the_rows_of_real_exports_give_the_same_tables(
    sample_data: Path, tmp_path: Path, name: str
) -> None:
    sqlite = tmp_path / f"{name}.sqlite"
    shutil.copy(sample_data / "nsys" / sqlite.name, sqlite)
    assert same_tables(sqlite, as_arrow(sqlite))


def _both(folder: Path, rows: list[tuple[Any, ...]]) -> tuple[Path, Path]:
    """Tables of both forms, with columns a, b and text of these rows."""
    path = folder / "t.sqlite"
    path.unlink(missing_ok=True)
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE t (a INTEGER, b INTEGER, text TEXT)")
        database.executemany("INSERT INTO t VALUES (?, ?, ?)", rows)
    database.close()
    arrow = folder / "t_arwdir"
    for left in arrow.glob("*"):
        left.unlink()
    if arrow.exists():
        arrow.rmdir()
    return path, as_arrow(path)


_NUMBER = st.none() | st.integers(-(2**63), 2**63 - 1) | st.integers(-2, 2)


@settings(max_examples=25)
@given(st.lists(st.tuples(_NUMBER, _NUMBER, st.none() | st.text("aé🙂", max_size=3)), max_size=9))
def test_any_rows_are_equal_in_either_order(tmp_path: Path, rows: list[tuple[Any, ...]]) -> None:
    sqlite, arrow = _both(tmp_path, rows)
    by_arrow: Tables = open_arrow(arrow)
    with open_sqlite(sqlite) as by_sqlite:
        assert by_arrow.columns("t") == by_sqlite.columns("t")
        for order in ("", "a"):
            expected = by_sqlite.read("t", _TIMED, order)
            assert by_arrow.read("t", _TIMED, order) == expected
        for order in ("", "time"):
            found = list(by_arrow.blocks("t", _TIMED, order))
            pieces = [each for each in by_sqlite.blocks("t", _TIMED, order) if each.num_rows]
            assert found == pieces
        numbers = {name: _TIMED[name] for name in ("time", "a")}
        for count in (1, 3, 100):
            expected_rows = by_sqlite.spread("t", numbers, count).tolist()
            assert by_arrow.spread("t", numbers, count).tolist() == expected_rows


def test_big_tables_come_in_the_pieces_of_sqlite(tmp_path: Path) -> None:
    sqlite, arrow = _both(tmp_path, [(200_000 - row, row, "x") for row in range(200_000)])
    by_arrow = open_arrow(arrow)
    with open_sqlite(sqlite) as by_sqlite:
        expected = list(by_sqlite.blocks("t", _TIMED, ""))
        assert len(expected) > 1
        assert list(by_arrow.blocks("t", _TIMED, "")) == expected
    by_time = pa.concat_tables(by_arrow.blocks("t", _TIMED, "time"))
    assert by_time["a"].to_pylist() == list(range(1, 200_001))


def test_values_are_those_that_sqlite_would_store(tmp_path: Path) -> None:
    columns: dict[str, Any] = {
        "unsigned": pa.array([2**64 - 5, 7], pa.uint64()),
        "truth": pa.array([True, None]),
        "real": pa.array([float("nan"), 0.5], pa.float32()),
    }
    write_stream(tmp_path / "t.arrow", pa.table(columns))
    wanted = {name: Column((name,), pa.int64()) for name in ("unsigned", "truth")}
    wanted["real"] = Column(("real",), pa.float64())
    assert open_arrow(tmp_path).read("t", wanted, "").to_pylist() == [
        {"unsigned": -5, "truth": 1, "real": None},
        {"unsigned": 7, "truth": None, "real": 0.5},
    ]


def test_a_table_may_be_empty_or_have_several_batches(tmp_path: Path) -> None:
    schema = pa.schema([("a", pa.int64())])
    write_stream(tmp_path / "none.arrow", schema.empty_table())
    with pa.ipc.new_stream(str(tmp_path / "two.arrow"), schema) as stream:
        for first in (0, 3):
            stream.write_table(pa.table({"a": range(first, first + 3)}))
    tables, wanted = open_arrow(tmp_path), {"a": Column(("a",), pa.int64())}
    assert list(tables.blocks("none", wanted, "")) == []
    (piece,) = tables.blocks("two", wanted, "")
    assert piece["a"].to_pylist() == [0, 1, 2, 3, 4, 5]
    assert tables.spread("none", wanted, 10).shape == (0, 1)


def test_a_file_that_is_cut_short_is_refused(nsys_file: Callable[..., NsysFile]) -> None:
    arrow = as_arrow(_full(nsys_file()))
    file = arrow / "CUPTI_ACTIVITY_KIND_KERNEL.arrow"
    whole = file.read_bytes()
    for size in (0, 5, len(whole) // 2, len(whole) - 8, len(whole) - 1):
        file.write_bytes(whole[:size])
        with pytest.raises(BadInput, match=Refusal.CUT_SHORT) as raised, open_export(arrow):
            pass
        assert str(file) in raised.value.message


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "t.arrow").write_bytes(b"no stream \xff\xff\xff\xff\0\0\0\0")
    with pytest.raises(BadInput, match=r"t\.arrow cannot be read"):
        open_arrow(tmp_path)


def test_damaged_bytes_are_read_as_other_values_or_refused(
    nsys_file: Callable[..., NsysFile],
) -> None:
    """Arrow checks no offsets by itself: wrong ones make it read beyond the file and crash."""
    arrow = as_arrow(_full(nsys_file()))
    files, random = sorted(arrow.iterdir()), Random(0)
    refused = 0
    for _ in range(150):
        file = random.choice(files)
        whole = file.read_bytes()
        at = random.randrange(len(whole) - 12)
        file.write_bytes(whole[:at] + random.randbytes(4) + whole[at + 4 :])
        try:
            concatenated(parse_trace(arrow).pieces)
        except BadInput:
            refused += 1
        file.write_bytes(whole)
    assert 0 < refused < 150
    assert concatenated(parse_trace(arrow).pieces)["launches"].num_rows == 21


def test_a_column_of_another_type_is_refused_by_its_name(tmp_path: Path) -> None:
    rows: dict[str, Any] = {"a": ["text"], "b": [1], "none": pa.nulls(1, pa.string())}
    write_stream(tmp_path / "t.arrow", pa.table(rows))
    tables = open_arrow(tmp_path)
    first = {"first": Column(("none", "b"), pa.int64())}
    assert tables.read("t", first, "b")["first"].to_pylist() == [1]
    for order in ("", "a"):
        with pytest.raises(BadInput, match=r"t\.a"):
            tables.read("t", {"a": Column(("a",), pa.int64())}, order)
    with pytest.raises(BadInput, match=r"t\.either cannot be read"):
        tables.read("t", {"either": Column(("a", "b"), pa.int64())}, "")


def test_a_type_that_is_not_known_is_refused(tmp_path: Path) -> None:
    write_stream(tmp_path / "t.arrow", pa.table({"a": pa.array([[1]])}))
    with pytest.raises(BadInput, match="column a has the unknown type list"):
        open_arrow(tmp_path)


def test_a_folder_without_arrow_files_is_no_export(tmp_path: Path) -> None:
    assert not is_arrow_export(tmp_path)
    assert not is_arrow_export(tmp_path / "absent")
    with pytest.raises(BadInput), open_export(tmp_path):
        pass


@pytest.mark.parametrize("compression", ["lz4", "zstd"])
def test_a_compressed_file_is_refused_before_its_values_take_memory(
    tmp_path: Path, compression: Any
) -> None:
    table = pa.table({"start": pa.repeat(pa.scalar(7), 10**6)})
    options = pa.ipc.IpcWriteOptions(compression=compression)
    with pa.ipc.new_stream(
        str(tmp_path / "NVTX_EVENTS.arrow"), table.schema, options=options
    ) as stream:
        stream.write_table(table)
    with pytest.raises(BadInput, match=Refusal.ARROW_PACKED):
        open_arrow(tmp_path)


def test_dictionaries_are_refused(tmp_path: Path) -> None:
    table = pa.table({"text": pa.array(["x", "x"]).dictionary_encode()})
    write_stream(tmp_path / "NVTX_EVENTS.arrow", table)
    with pytest.raises(BadInput, match=Refusal.ARROW_PACKED):
        open_arrow(tmp_path)
