"""The log as Parquet: parts and a journal, cut or killed at any moment."""

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from moeprof.router.metrics import parquet_log
from moeprof.router.metrics.log_folder import JOURNAL, part_path, parts, read_metrics
from moeprof.router.metrics.parquet_log import ParquetLog
from moeprof.router.metrics.row import Cell, MetricsRow, cells
from moeprof.store.errors import BadInput
from moeprof.tests.router.metrics.small_disk import small_files


def row(step: int) -> list[Cell]:
    return cells(MetricsRow(step=step, power_w=300.0, expert_counts=[step, 2]), 0)


def add(folder: Path, *steps: int) -> None:
    log = ParquetLog(folder)
    for step in steps:
        log.add([row(step)])
    log.close()


def steps(folder: Path) -> list[object]:
    return read_metrics(folder)["step"].to_pylist()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "m.parquet"


def test_a_closed_log_is_parts_that_any_reader_takes(folder: Path) -> None:
    add(folder, 1, 2)
    add(folder, 3)
    assert sorted(path.name for path in folder.iterdir()) == [
        "part-000000.parquet",
        "part-000001.parquet",
    ]
    found = pd.read_parquet(folder)
    assert found["step"].tolist() == steps(folder) == [1, 2, 3]
    assert found["expert_counts"].iloc[2].tolist() == [3, 2]
    assert found["temp_c"].isna().all()


def test_a_log_is_read_while_it_is_written(folder: Path) -> None:
    add(folder, 1)
    log = ParquetLog(folder)
    log.add([row(2), row(3)])
    log.add([row(4)])
    assert steps(folder) == [1, 2, 3, 4]
    assert pd.read_parquet(folder)["step"].tolist() == [1]  # another reader sees it a part later
    log.close()
    assert steps(folder) == [1, 2, 3, 4]


def test_a_journal_becomes_a_part_when_it_is_large_or_old(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = ParquetLog(folder)
    log.add([row(1)])
    log.tidy()
    assert parts(folder) == []
    monkeypatch.setattr(parquet_log, "MOST_BYTES", 100)
    log.tidy()
    assert parts(folder) == [part_path(folder, 0)]
    monkeypatch.undo()
    log.add([row(2)])
    log.tidy()
    monkeypatch.setattr(parquet_log, "LONGEST_S", 0.0)
    log.tidy()
    monkeypatch.undo()
    assert parts(folder) == [part_path(folder, 0), part_path(folder, 1)]
    log.close()
    assert steps(folder) == [1, 2]


def test_a_journal_cut_at_any_byte_keeps_its_whole_rows(folder: Path) -> None:
    log = ParquetLog(folder)
    ends = []
    for step in (1, 2, 3):
        log.add([row(step)])
        ends.append((folder / JOURNAL).stat().st_size)
    whole = (folder / JOURNAL).read_bytes()
    log.close()
    for size in [*range(0, len(whole), 397), *ends, *(end - 1 for end in ends), *range(9)]:
        for path in parts(folder):
            path.unlink()
        (folder / JOURNAL).write_bytes(whole[:size])
        kept = [step for step, end in enumerate(ends, start=1) if end <= size]
        assert steps(folder) == kept, size
        add(folder, 9)
        assert steps(folder) == [*kept, 9], size


def test_a_journal_whose_part_is_there_is_not_taken_twice(folder: Path) -> None:
    """As a kill between the part's rename and the emptying of the journal leaves it."""
    log = ParquetLog(folder)
    log.add([row(1)])
    journal = (folder / JOURNAL).read_bytes()
    log.close()
    (folder / JOURNAL).write_bytes(journal)
    assert steps(folder) == [1]
    add(folder, 2)
    assert steps(folder) == pd.read_parquet(folder)["step"].tolist() == [1, 2]


def test_a_part_that_the_disk_refuses_leaves_the_journal(folder: Path) -> None:
    log = ParquetLog(folder)
    log.add([row(1)])
    with small_files((folder / JOURNAL).stat().st_size), pytest.raises(OSError, match="large"):
        log.close()
    assert [path.name for path in folder.iterdir()] == [JOURNAL]
    add(folder, 2)
    assert steps(folder) == [1, 2]


def test_a_second_writer_is_refused_by_name(folder: Path) -> None:
    log = ParquetLog(folder)
    with pytest.raises(BadInput, match=f"{folder}/{JOURNAL} is being written by another logger"):
        ParquetLog(folder)
    log.add([row(1)])
    log.close()
    assert steps(folder) == [1]


def test_a_file_in_its_place_and_parts_of_another_schema_are_refused(tmp_path: Path) -> None:
    (tmp_path / "file.parquet").write_bytes(b"PAR1")
    with pytest.raises(BadInput, match=r"file\.parquet is a file"):
        ParquetLog(tmp_path / "file.parquet")
    (tmp_path / "other.parquet").mkdir()
    table = pa.table({"a": [1]}).replace_schema_metadata({"moeprof.schema": "router_metrics/99"})
    pa.parquet.write_table(table, part_path(tmp_path / "other.parquet", 0))
    with pytest.raises(BadInput, match="is router_metrics/99, and this moeprof writes"):
        ParquetLog(tmp_path / "other.parquet")
    (tmp_path / "broken.parquet").mkdir()
    part_path(tmp_path / "broken.parquet", 3).write_bytes(b"PAR1")
    with pytest.raises(BadInput, match=r"part-000003\.parquet is no Parquet"):
        ParquetLog(tmp_path / "broken.parquet")


def test_a_log_without_rows_leaves_none(folder: Path) -> None:
    ParquetLog(folder).close()
    assert list(folder.iterdir()) == []
