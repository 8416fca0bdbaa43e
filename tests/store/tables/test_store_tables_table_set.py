"""Tables are published as a set, in one step, and marked with what they were made from."""

import errno
import os
import threading
from pathlib import Path

import pyarrow as pa
import pytest

from moeprof.store.errors import BadInput
from moeprof.store.tables import table_set
from moeprof.store.tables.parquet import read_table
from moeprof.store.tables.schemas import SCHEMAS
from moeprof.store.tables.table_set import sources_of, writing_tables


def _calls(rows: int) -> pa.Table:
    empty = SCHEMAS["calls"].empty_table()
    return pa.Table.from_pylist([{"call": row} for row in range(rows)], schema=empty.schema)


def _write(folder: Path, sources_sha256: str | None, *names: str, calls: int = 0) -> None:
    with writing_tables(folder, sources_sha256) as tables:
        tables.write("points", SCHEMAS["points"].empty_table())
        tables.write("calls", _calls(calls))
        for name in names:
            tables.write(name, SCHEMAS[name].empty_table())


def _names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_set_replaces_the_one_before_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    folder = tmp_path / "run" / "tables"
    _write(folder, "one", "launches")
    assert sources_of(folder) == "one"
    _write(folder, "two", calls=3)
    assert sources_of(folder) == "two"
    assert read_table(folder / "calls.parquet", "calls").num_rows == 3
    assert _names(folder) == {"points.parquet", "calls.parquet"}
    assert _names(folder.parent) == {"tables"}


@pytest.mark.parametrize("sources_sha256", ["two", None])
def test_files_of_others_stay_in_the_folder(tmp_path: Path, sources_sha256: str | None) -> None:
    _write(tmp_path / "tables", "one", "launches")
    (tmp_path / "tables" / "notes.txt").touch()
    _write(tmp_path / "tables", sources_sha256)
    assert _names(tmp_path / "tables") == {"points.parquet", "calls.parquet", "notes.txt"}
    assert sources_of(tmp_path / "tables") == sources_sha256


def test_a_linked_folder_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "tables").symlink_to("elsewhere")
    _write(tmp_path / "tables", "one")
    assert (tmp_path / "tables").is_symlink()
    assert sources_of(tmp_path / "elsewhere") == "one"


def test_without_an_exchange_the_old_tables_go_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _write(tmp_path / "tables", "one", "launches")
    monkeypatch.setattr(table_set, "take_place", lambda staged, folder: False)
    _write(tmp_path / "tables", "two")
    assert sources_of(tmp_path / "tables") == "two"
    assert _names(tmp_path / "tables") == {"points.parquet", "calls.parquet"}
    assert _names(tmp_path) == {"tables"}


def test_tables_of_two_sets_are_no_set(tmp_path: Path) -> None:
    _write(tmp_path / "a", "one")
    _write(tmp_path / "b", "two")
    os.replace(tmp_path / "a" / "calls.parquet", tmp_path / "b" / "calls.parquet")
    assert sources_of(tmp_path / "b") is None
    (tmp_path / "b" / "calls.parquet").unlink()
    assert sources_of(tmp_path / "b") is None
    (tmp_path / "b" / "points.parquet").write_bytes(b"PAR1")
    assert sources_of(tmp_path / "b") is None
    assert sources_of(tmp_path / "none") is None


def _full(_: int) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_an_error_leaves_the_old_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _write(tmp_path / "tables", "one")
    before = {path.name: path.read_bytes() for path in (tmp_path / "tables").iterdir()}
    monkeypatch.setattr(os, "fsync", _full)
    with pytest.raises(BadInput, match="no space left"):
        _write(tmp_path / "tables", "two")
    assert {path.name: path.read_bytes() for path in (tmp_path / "tables").iterdir()} == before
    assert _names(tmp_path) == {"tables"}


def test_readers_never_miss_a_table_nor_see_two_sets(tmp_path: Path) -> None:
    folder = tmp_path / "tables"
    _write(folder, "0", calls=0)
    seen: list[int] = []
    wrong: list[Exception] = []
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            try:
                seen.append(read_table(folder / "calls.parquet", "calls").num_rows)
                read_table(folder / "points.parquet", "points")
            except BadInput as error:
                wrong.append(error)

    readers = [threading.Thread(target=read) for _ in range(4)]
    for reader in readers:
        reader.start()
    for rows in range(1, 20):
        _write(folder, str(rows), calls=rows)
    done.set()
    for reader in readers:
        reader.join()
    assert wrong == []
    assert len(seen) > 4
    assert sources_of(folder) == "19"
