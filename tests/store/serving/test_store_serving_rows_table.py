"""Rows are added to a table whole, and none that was there is lost."""

from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from moeprof.store.errors import BadInput
from moeprof.store.serving.rows_table import (
    ROWS_FILE,
    Appended,
    append_rows,
    check_rows,
    read_rows_table,
)
from moeprof.store.serving.serving_row import ServingRow
from moeprof.tests.costmodel.steptime.public_folder import public_folder


def row(name: str, tpot_ms: float = 1.0) -> ServingRow:
    """A row of a source."""
    return ServingRow(source="s", row_id=name, tpot_ms=tpot_ms)


def test_rows_are_added_and_the_same_measurement_replaced(tmp_path: Path) -> None:
    assert append_rows(tmp_path / "new", [row("a"), row("b")]) == Appended(2, 0)
    assert append_rows(tmp_path / "new", [row("b", 2.0), row("c", 3.0)]) == Appended(1, 1)
    table = read_rows_table(tmp_path / "new" / ROWS_FILE)
    assert table["row_id"].to_pylist() == ["a", "b", "c"]
    assert table["tpot_ms"].to_pylist() == [1.0, 2.0, 3.0]


def test_a_table_that_takes_rows_passes(tmp_path: Path) -> None:
    check_rows(tmp_path)
    append_rows(tmp_path, [row("a")])
    check_rows(tmp_path)


def test_columns_that_only_the_table_has_stay(tmp_path: Path) -> None:
    path = public_folder(tmp_path) / ROWS_FILE
    old = pq.read_table(path)
    pq.write_table(old.append_column("util", pa.array([0.5] * 36, type=pa.float32())), path)
    append_rows(tmp_path, [row("a")])
    table = read_rows_table(path)
    assert table["util"].to_pylist() == [*[0.5] * 36, None]
    assert table["model"].to_pylist()[:36] == old["model"].to_pylist()


def _append(folder: Path, name: str) -> Appended:
    return append_rows(folder, [row(name)])


def test_processes_that_append_at_once_lose_nothing(tmp_path: Path) -> None:
    with ProcessPoolExecutor(2) as pool:
        done = [pool.submit(_append, tmp_path, str(at)) for at in range(8)]
        assert [one.result() for one in done] == [Appended(1, 0)] * 8
    names = map(str, read_rows_table(tmp_path / ROWS_FILE)["row_id"].to_pylist())
    assert sorted(names) == [str(at) for at in range(8)]


@pytest.mark.parametrize(
    ("table", "named"),
    [
        ({"source": ["s"]}, "no table of serving rows"),
        ({"source": ["s"], "row_id": ["x"], "tpot_ms": ["fast"]}, "another type of value"),
        ({"source": ["s"], "row_id": ["x"], "isl": [2**63 - 1]}, "another type of value"),
    ],
)
def test_another_table_is_left_as_it_is(
    tmp_path: Path, table: dict[str, list[Any]], named: str
) -> None:
    path = tmp_path / ROWS_FILE
    pq.write_table(pa.table(table), path)
    before = path.read_bytes()
    with pytest.raises(BadInput, match=named):
        append_rows(tmp_path, [row("a")])
    with pytest.raises(BadInput, match=named):
        check_rows(tmp_path)
    assert path.read_bytes() == before


def test_a_file_that_is_no_table_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / ROWS_FILE).write_text("no table")
    with pytest.raises(BadInput, match="no Parquet table"):
        append_rows(tmp_path, [row("a")])
    assert (tmp_path / ROWS_FILE).read_text() == "no table"
