"""Blocks of a big table: in order, complete, and with the requested types."""

import sqlite3
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import sqlalchemy as sa

from moeprof.parsers.nsys.sqlite_rows import read_blocks
from moeprof.store.errors import BadInput

COLUMNS: Any = {"a": (sa.column("a"), pa.int64()), "b": (sa.column("b"), pa.string())}


def _table(folder: Path, rows: list[tuple[Any, ...]], columns: str = "a, b") -> Path:
    path = folder / "t.sqlite"
    with sqlite3.connect(path) as database:
        database.execute(f"CREATE TABLE t ({columns})")
        database.executemany("INSERT INTO t VALUES (?, ?)", rows)
    database.close()
    return path


def test_blocks_come_in_the_order_of_the_file(tmp_path: Path) -> None:
    path = _table(tmp_path, [(number, f"row {number}") for number in range(57)])
    blocks = list(read_blocks(path, "t", COLUMNS, (1, 57), block_values=20))
    assert [block.num_rows for block in blocks] == [10, 10, 10, 10, 10, 7]
    assert pa.concat_tables(blocks)["a"].to_pylist() == list(range(57))


def test_rows_may_be_sorted_and_rowids_sparse(tmp_path: Path) -> None:
    path = _table(tmp_path, [(3, None), (1, "x"), (2, "")])
    (block,) = read_blocks(path, "t", COLUMNS, (1, 3), order="a")
    assert block.to_pylist() == [{"a": 1, "b": "x"}, {"a": 2, "b": ""}, {"a": 3, "b": None}]
    assert len(list(read_blocks(path, "t", COLUMNS, (1, 2**60)))) == 1


@pytest.mark.parametrize("value", [2.5, "three", b"\x00"])
@pytest.mark.parametrize("place", [0, 40_000])
def test_a_value_of_another_type_is_refused_wherever_it_is(
    tmp_path: Path, value: object, place: int
) -> None:
    rows: list[tuple[Any, ...]] = [(number, None) for number in range(50_000)]
    rows[place] = (value, None)
    path = _table(tmp_path, rows)
    with pytest.raises(BadInput, match=r"t\.sqlite: t"):
        list(read_blocks(path, "t", COLUMNS, (1, 50_000)))


def test_text_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = _table(tmp_path, [(1, "x")])
    with sqlite3.connect(path) as database:
        database.execute("UPDATE t SET b = CAST(x'ff41' AS TEXT)")
    database.close()
    with pytest.raises(BadInput, match=r"t\.sqlite: t\.b"):
        list(read_blocks(path, "t", COLUMNS, (1, 1)))
