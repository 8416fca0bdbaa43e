"""Blocks of a big table: in order, complete, and with the requested types."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from moeprof.parsers.nsys.cells import BadCells
from moeprof.parsers.nsys.sqlite_rows import Source, read_blocks
from moeprof.parsers.sqlite_file import QueryLimit, open_sqlite_file
from moeprof.store.errors import BadInput

COLUMNS: Any = {"a": ("a", pa.int64()), "b": ("b", pa.string())}


def _table(folder: Path, rows: list[tuple[Any, ...]], columns: str = "a, b") -> Path:
    path = folder / "t.sqlite"
    with sqlite3.connect(path) as database:
        database.execute(f"CREATE TABLE t ({columns})")
        database.executemany("INSERT INTO t VALUES (?, ?)", rows)
    database.close()
    return path


def _blocks(path: Path, last: int, *options: Any, **more: Any) -> list[pa.Table]:
    with _source(path, last) as source:
        return list(read_blocks(source, COLUMNS, *options, **more))


@contextmanager
def _source(path: Path, last: int) -> Iterator[Source]:
    with open_sqlite_file(path, QueryLimit.of(path)) as file:
        yield Source(file, "t", (1, last), BadCells())


def test_blocks_come_in_the_order_of_the_file(tmp_path: Path) -> None:
    path = _table(tmp_path, [(number, f"row {number}") for number in range(57)])
    blocks = _blocks(path, 57, block_values=20)
    assert [block.num_rows for block in blocks] == [10, 10, 10, 10, 10, 7]
    assert pa.concat_tables(blocks)["a"].to_pylist() == list(range(57))


def test_rows_may_be_sorted_and_rowids_sparse(tmp_path: Path) -> None:
    path = _table(tmp_path, [(3, None), (1, "x"), (2, "")])
    (block,) = _blocks(path, 3, order="a")
    assert block.to_pylist() == [{"a": 1, "b": "x"}, {"a": 2, "b": ""}, {"a": 3, "b": None}]
    assert len(_blocks(path, 2**60)) == 1


@pytest.mark.parametrize("value", [2.5, "three", b"\x00"])
@pytest.mark.parametrize("place", [0, 40_000])
def test_a_value_of_another_type_is_null_wherever_it_is(
    tmp_path: Path, value: object, place: int
) -> None:
    rows: list[tuple[Any, ...]] = [(number, None) for number in range(50_000)]
    rows[place] = (value, None)
    with _source(_table(tmp_path, rows), 50_000) as source:
        found = pa.concat_tables(read_blocks(source, COLUMNS))["a"]
    assert found.type == pa.int64()
    assert found.to_pylist() == [None if row == place else row for row in range(50_000)]
    (sentence,) = source.bad_cells.sentences("t")
    assert "1 in t.a" in sentence


def test_text_that_is_no_text_is_read_with_replacements(tmp_path: Path) -> None:
    path = _table(tmp_path, [(1, "x"), (2, "y")])
    with sqlite3.connect(path) as database:
        database.execute("UPDATE t SET b = CAST(x'ff41' AS TEXT) WHERE a = 1")
    database.close()
    with _source(path, 2) as source:
        (block,) = read_blocks(source, COLUMNS)
    assert block["b"].to_pylist() == ["\ufffdA", "y"]
    assert source.bad_cells.replaced


def test_damage_is_refused_with_its_place_and_a_way_out(tmp_path: Path) -> None:
    path = _table(tmp_path, [(number, f"row {number}") for number in range(5000)])
    damaged = bytearray(path.read_bytes())
    damaged[8192:12288] = b"\xff" * 4096
    path.write_bytes(damaged)
    with pytest.raises(BadInput, match=r"t\.sqlite: rows 1 to 5000 of t") as caught:
        _blocks(path, 5000)
    assert "nsys export" in caught.value.hint
