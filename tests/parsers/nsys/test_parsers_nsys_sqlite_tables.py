"""Opening an SQLite export: intact, at rest and read-only, or refused."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from moeprof.parsers.messages import Refusal
from moeprof.parsers.nsys.columns import Column
from moeprof.parsers.nsys.sqlite_tables import open_sqlite
from moeprof.store.errors import BadInput
from moeprof.tests.nsys_file import NsysFile


def refusal(path: Path) -> BadInput:
    """The error with which a database is refused; it names the file."""
    with pytest.raises(BadInput) as raised, open_sqlite(path):
        pass
    assert str(path) in raised.value.message
    return raised.value


def test_the_file_is_opened_read_only(nsys_file: Callable[..., NsysFile], tmp_path: Path) -> None:
    path = nsys_file(name="a b%20#?.sqlite").close()
    before = path.read_bytes()
    with open_sqlite(path) as tables:
        assert "StringIds" in tables.tables
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_a_missing_file_and_one_that_is_no_database_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.sqlite"
    assert Refusal.MISSING in refusal(path).message
    path.write_text("SQLite? no.")
    error = refusal(path)
    assert Refusal.UNREADABLE_DATABASE in error.message
    assert "nsys export" in error.hint


def test_a_damaged_database_is_refused(nsys_file: Callable[..., NsysFile]) -> None:
    file = nsys_file()
    for moment in range(5000):
        file.range(moment, moment + 1, f"range {moment}")
    path = file.close()
    damaged = bytearray(path.read_bytes())
    damaged[8192:] = b"\xff" * (len(damaged) - 8192)
    path.write_bytes(damaged)
    with pytest.raises(BadInput, match=Refusal.UNREADABLE_DATABASE), open_sqlite(path) as tables:
        tables.read("NVTX_EVENTS", {"text": Column(("text",), pa.string())}, "")


@pytest.mark.parametrize("ending", ["-wal", "-journal"])
def test_a_file_with_changes_beside_it_is_refused(
    nsys_file: Callable[..., NsysFile], ending: str
) -> None:
    path = nsys_file().close()
    beside = path.with_name(path.name + ending)
    beside.write_bytes(b"changes")
    error = refusal(path)
    assert f"{Refusal.CHANGES_BESIDE} {beside.name}" in error.message
    assert error.hint


def test_a_locked_file_is_refused(nsys_file: Callable[..., NsysFile]) -> None:
    path = nsys_file().close()
    writer = sqlite3.connect(path, isolation_level=None)
    writer.execute("BEGIN EXCLUSIVE")
    assert Refusal.LOCKED in refusal(path).message
    writer.close()


def test_a_file_that_was_kept_in_wal_mode_opens(nsys_file: Callable[..., NsysFile]) -> None:
    path = nsys_file().close()
    writer = sqlite3.connect(path)
    writer.execute("PRAGMA journal_mode = WAL")
    writer.close()
    with open_sqlite(path) as tables:
        assert "StringIds" in tables.tables
    assert [file.name for file in path.parent.iterdir()] == [path.name]
