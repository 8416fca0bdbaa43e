"""An SQLite file from anyone: plain tables alone, and every query ends."""

import signal
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from moeprof.parsers.messages import Refusal
from moeprof.parsers.sqlite_file import QueryLimit, SqliteFile, open_sqlite_file
from moeprof.store.errors import BadInput

ENDLESS = (
    "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) AS n FROM c"
)


@contextmanager
def _opened(folder: Path, script: str, limit_s: float = 10.0) -> Iterator[SqliteFile]:
    path = folder / "t.sqlite"
    database = sqlite3.connect(path)
    database.executescript(script)
    database.close()
    with open_sqlite_file(path, QueryLimit(path, limit_s)) as file:
        yield file


def test_a_query_without_an_end_is_refused_at_the_limit(tmp_path: Path) -> None:
    began = time.monotonic()
    with (
        _opened(tmp_path, f"CREATE VIEW v AS {ENDLESS}", limit_s=0.2) as file,
        pytest.raises(BadInput, match=Refusal.ENDLESS),
    ):
        file.rows("SELECT n FROM v")
    assert time.monotonic() - began < 2


def test_the_limit_is_that_of_all_queries_of_a_file(tmp_path: Path) -> None:
    with _opened(tmp_path, "CREATE TABLE t (a)") as file:
        file.limit.left_s = 0.0
        with pytest.raises(BadInput, match=Refusal.ENDLESS):
            list(file.pieces(ENDLESS, 1))


@pytest.fixture
def ctrl_c_interrupts() -> Iterator[None]:
    """SIGINT interrupts, also where the tests were started as a job that ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ctrl_c_interrupts")
def test_ctrl_c_ends_a_query(tmp_path: Path) -> None:
    main = threading.main_thread().ident
    assert main is not None
    with _opened(tmp_path, "") as file:
        timer = threading.Timer(0.2, signal.pthread_kill, [main, signal.SIGINT])
        timer.start()
        began = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            file.rows(ENDLESS)
        assert time.monotonic() - began < 1
        timer.join()
        assert file.rows("SELECT 1") == [(1,)]


@pytest.mark.parametrize(
    "script",
    [
        f"CREATE VIEW t AS {ENDLESS}",
        "CREATE VIRTUAL TABLE t USING fts5(a)",
        "CREATE TABLE s (a); CREATE TEMP VIEW u AS SELECT 1; CREATE VIEW T AS SELECT * FROM s",
    ],
)
def test_what_is_no_plain_table_is_refused_by_its_name(tmp_path: Path, script: str) -> None:
    with _opened(tmp_path, script) as file:
        assert "t" not in file.tables
        with pytest.raises(BadInput, match=f"t {Refusal.NO_PLAIN_TABLE}") as caught:
            file.columns("t")
        assert caught.value.hint


def test_a_generated_column_is_none_of_a_table(tmp_path: Path) -> None:
    script = "CREATE TABLE t (a, rowid AS (hex(zeroblob(900000000))), b AS (a + 1) STORED)"
    with _opened(tmp_path, script) as file:
        assert file.columns("t") == ["a"]
        assert not file.has_rowid("t")
        assert file.columns("none") == []


def test_a_default_is_small(tmp_path: Path) -> None:
    script = f"CREATE TABLE t (a DEFAULT -1); CREATE TABLE u (a DEFAULT '{'x' * 1000}')"
    with _opened(tmp_path, script) as file:
        assert file.columns("t") == ["a"]
        with pytest.raises(BadInput, match=Refusal.LONG_DEFAULT):
            file.columns("u")


def test_pages_that_are_used_twice_are_found(tmp_path: Path) -> None:
    path = tmp_path / "t.sqlite"
    rows = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 2000)"
    with _opened(tmp_path, f"CREATE TABLE t (a); INSERT INTO t {rows} SELECT x FROM c") as file:
        file.check_pages("t")
        ((root,),) = file.rows("SELECT rootpage FROM sqlite_master")
    data = bytearray(path.read_bytes())
    head = (root - 1) * 4096  # an interior page, whose second cell shall lead where the first does
    first, second = (int.from_bytes(data[at : at + 2], "big") for at in (head + 12, head + 14))
    data[head + second : head + second + 4] = data[head + first : head + first + 4]
    path.write_bytes(data)
    with (
        open_sqlite_file(path, QueryLimit.of(path)) as file,
        pytest.raises(sqlite3.DatabaseError, match="2nd reference"),
    ):
        file.check_pages("t")
