"""The columns that are read are columns that nsys writes, under the names that it gives them."""

import re
import sqlite3
from pathlib import Path

import pytest

from moeprof.parsers.nsys import read_columns
from moeprof.parsers.nsys.read_columns import READ_COLUMNS, READ_TABLES

NEWER = {  # tables and columns that are not in 2024.2 yet
    "TARGET_INFO_CUDA_DEVICE", "GENERIC_EVENT_DATA", "GENERIC_EVENT_TYPE_FIELDS",
    "GPU_METRICS.rawTimestamp", "GENERIC_EVENTS.genericEventId",
}  # fmt: skip
OLDER = {"EXPORT_META_DATA"}


def test_every_table_and_column_that_is_read_is_one_of_nsys(sample_data: Path) -> None:
    real = sqlite3.connect(":memory:")
    real.executescript((sample_data / "nsys" / "ddl" / "nsys_2024.sql").read_text())
    unknown = set()
    for table in READ_TABLES:
        known = {row[1] for row in real.execute(f'PRAGMA table_info("{table}")')}
        if known:
            unknown |= {
                f"{table}.{name}" for name in READ_COLUMNS.get(table, ()) if name not in known
            }
        else:
            unknown.add(table)
    real.close()
    assert unknown <= NEWER | OLDER


@pytest.mark.parametrize("table", READ_TABLES)
def test_a_table_name_matches_only_itself_as_a_pattern_of_nsys(table: str) -> None:
    """`nsys export --tables` takes regular expressions, separated by commas."""
    assert table.replace("_", "").isalnum()


def test_every_table_that_a_reader_names_is_exported_and_kept(sample_data: Path) -> None:
    """A reader of a further table would find it in an SQLite export, and never in a report."""
    ddl = (sample_data / "nsys" / "ddl" / "nsys_2024.sql").read_text()
    tables = set(re.findall(r"CREATE TABLE (\w+)", ddl))
    readers = Path(read_columns.__file__).parent.glob("*.py")
    named = {word for reader in readers for word in re.findall(r'"(\w+)"', reader.read_text())}
    assert named & tables <= set(READ_TABLES)
    assert "NVTX_EVENTS" in named & tables
