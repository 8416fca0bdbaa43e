"""What lies in the folder of a log, and what is none."""

from pathlib import Path

import pytest

from moeprof.router.metrics.log_folder import (
    JOURNAL,
    arrow_schema,
    part_number,
    part_path,
    parts,
    read_journal,
    read_metrics,
)
from moeprof.router.metrics.row import SCHEMA, columns
from moeprof.store.errors import BadInput
from moeprof.store.tables.schemas import SCHEMA_KEY


def test_parts_are_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for number in (1_000_000, 2, 10):
        part_path(tmp_path, number).touch()
    (tmp_path / "part-other.parquet").touch()
    assert [part_number(path) for path in parts(tmp_path)] == [2, 10, 1_000_000]


def test_the_schema_bears_its_name_as_every_table_does() -> None:
    schema = arrow_schema()
    assert schema.names == list(columns())
    assert schema.metadata == {SCHEMA_KEY: SCHEMA.encode()}


@pytest.mark.parametrize("content", [b"", b"\xff\xff\xff\xff", b"no stream of Arrow" * 100])
def test_a_journal_without_a_beginning_has_no_rows(tmp_path: Path, content: bytes) -> None:
    (tmp_path / JOURNAL).write_bytes(content)
    part, rows = read_journal(tmp_path)
    assert (part, rows.num_rows) == (None, 0)
    assert read_metrics(tmp_path).num_rows == 0


def test_a_folder_without_a_log_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="holds no log"):
        read_metrics(tmp_path)
