"""Reads a whole Parquet file without threads.

A thread of Arrow's pool that still holds Python's bytes when Python ends aborts the process:
https://github.com/apache/arrow/issues/34314
"""

from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq


def read_in_one_thread(
    file: Any, columns: list[str] | None = None, dictionaries: list[str] | None = None
) -> pa.Table:
    """Read an opened file, or those of its columns; `dictionaries` are read as such.

    Raises pa.ArrowException or OSError where it is no Parquet.
    """
    opened = pq.ParquetFile(file, read_dictionary=dictionaries, pre_buffer=False)
    return opened.read(columns, use_threads=False)
