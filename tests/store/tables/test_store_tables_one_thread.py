"""Parquet is read without threads, one of which could outlive Python's bytes and abort its end."""

import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from moeprof.store.tables.one_thread import read_in_one_thread

TABLE = pa.table({"a": [1, 2], "s": ["x", "x"]})

# Counts the threads that reading in a process of its own starts.
_STARTED = """
import os, sys
import pyarrow as pa
from moeprof.store.tables.one_thread import read_in_one_thread
with open(sys.argv[1], "rb") as file:
    content = file.read()
before = len(os.listdir("/proc/self/task"))
assert read_in_one_thread(pa.BufferReader(content)).num_rows == 2
print(len(os.listdir("/proc/self/task")) - before)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    pq.write_table(TABLE, path := tmp_path / "t.parquet")
    return path


def test_all_or_some_columns_are_read(path: Path) -> None:
    with path.open("rb") as file:
        assert read_in_one_thread(file).equals(TABLE)
    with path.open("rb") as file:
        found = read_in_one_thread(file, ["s"], dictionaries=["s"])
    assert found.column_names == ["s"]
    assert pa.types.is_dictionary(found["s"].type)


def test_no_thread_is_started(path: Path) -> None:
    command = [sys.executable, "-c", _STARTED, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "0"
