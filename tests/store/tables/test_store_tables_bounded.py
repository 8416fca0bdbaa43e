"""A Parquet file of which nothing is trusted."""

import datetime
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from moeprof.store.errors import BadInput
from moeprof.store.tables.bounded import read_bounded
from moeprof.store.tables.unpacking import VARIABLE

TOO_MUCH = "unpacks to more than"


def _file(folder: Path, columns: dict[str, Any]) -> Path:
    path = folder / "t.parquet"
    pq.write_table(pa.table(columns), path, compression="zstd")
    return path


def _read(path: Path, columns: list[str] | None = None) -> pa.Table:
    with path.open("rb") as file:
        return read_bounded(path, file, columns)


def test_numbers_texts_and_lists_come_back(tmp_path: Path) -> None:
    table = pa.table(
        {
            "a": pa.array([1, None], pa.int32()),
            "b": ["x", None],
            "c": pa.array([[1, 2], None], pa.list_(pa.int64())),
            "d": pa.array([["x", "x"], []], pa.list_(pa.string())),
        },
        metadata={"k": "v"},
    )
    path = tmp_path / "t.parquet"
    pq.write_table(table, path)
    found = _read(path)
    assert found.equals(table)
    assert found.schema.metadata == table.schema.metadata
    assert _read(path, ["d"]).column_names == ["d"]


def test_categories_are_texts(tmp_path: Path) -> None:
    path = _file(tmp_path, {"a": pa.array(["x", "y", "x"]).dictionary_encode()})
    assert _read(path)["a"].to_pylist() == ["x", "y", "x"]
    assert _read(path)["a"].type == pa.string()


def _repeated(part: "pa.Array[Any]", times: int) -> "pa.ChunkedArray[Any]":
    """An array of equal parts, which lie in memory once."""
    return pa.chunked_array([part] * times)


@pytest.mark.parametrize(
    "values",
    [
        lambda: _repeated(pa.repeat(pa.scalar(7), 100_000), 40),
        lambda: _repeated(pa.repeat(pa.scalar("x" * 1000), 1000), 40),
        lambda: pa.array(["x" * 3 * 10**7]),
        lambda: _repeated(pa.array([["x" * 10_000] * 100]), 40),
    ],
    ids=["rows", "a text", "a long text", "lists"],
)
def test_a_small_file_of_many_equal_values_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, values: Callable[[], Any]
) -> None:
    monkeypatch.setenv(VARIABLE, str(1 / 40))
    path = _file(tmp_path, {"a": values()})
    assert path.stat().st_size < 2 * 10**5
    before_bytes = pa.total_allocated_bytes()
    with pytest.raises(BadInput, match=TOO_MUCH) as caught:
        _read(path)
    assert VARIABLE in caught.value.hint
    assert pa.total_allocated_bytes() - before_bytes < 10**7


def test_the_limit_can_be_raised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = _file(tmp_path, {"a": pa.repeat(pa.scalar("x" * 1000), 2000)})
    monkeypatch.setenv(VARIABLE, str(1 / 1024))
    with pytest.raises(BadInput, match=TOO_MUCH):
        _read(path)
    monkeypatch.setenv(VARIABLE, "1")
    assert _read(path).num_rows == 2000


@pytest.mark.parametrize(
    "values",
    [[{"a": 1}], [[[1]]], [b"x"], [datetime.date(2026, 1, 1)], [datetime.datetime(2026, 1, 1)]],
)
def test_a_column_of_another_type_is_refused_by_its_name(tmp_path: Path, values: Any) -> None:
    path = _file(tmp_path, {"a": values, "b": [1]})
    with pytest.raises(BadInput, match="column 'a' is of type"):
        _read(path)
    assert _read(path, ["b"]).num_rows == 1


def test_no_thread_is_left_that_could_hold_what_is_python_s(tmp_path: Path) -> None:
    program = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from moeprof.store.tables.bounded import read_bounded\n"
        "path = Path(sys.argv[1])\n"
        "before = os.listdir('/proc/self/task')\n"
        "with path.open('rb') as file:\n"
        "    read_bounded(path, file)\n"
        "assert os.listdir('/proc/self/task') == before\n"
    )
    path = _file(tmp_path, {"a": [1.0], "b": ["x"]})
    environment = os.environ | {"ARROW_DEFAULT_MEMORY_POOL": "system"}  # jemalloc has a thread
    subprocess.run([sys.executable, "-c", program, path], env=environment, check=True)
