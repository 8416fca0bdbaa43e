"""Columns of cells as arrays of Arrow, made of their buffers.

pyarrow.array does the same and imports pandas for it, which takes half a second of the process that
serves, and fails at the interpreter's end. Source: "Arrow Columnar Format", validity bitmaps and
variable-size layouts.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from .row import Cell

if TYPE_CHECKING:
    import pyarrow as pa

_NO_COUNTS: Final = np.empty(0, np.int64)


def column_array(kind: "pa.DataType", cells: Sequence[Cell]) -> "pa.Array[Any]":
    """An array of int64, float64, string or list<int64>; None is null."""
    import pyarrow as pa

    valid = np.packbits([cell is not None for cell in cells], bitorder="little")
    bitmap = pa.py_buffer(valid.tobytes())
    if pa.types.is_string(kind):
        texts = [b"" if cell is None else str(cell).encode() for cell in cells]
        joined = pa.py_buffer(b"".join(texts))
        return pa.Array.from_buffers(kind, len(cells), [bitmap, _offsets(texts), joined])
    if pa.types.is_list(kind):
        lists: list[Any] = [_NO_COUNTS if cell is None else cell for cell in cells]
        items = _numbers(pa.int64(), np.concatenate([_NO_COUNTS, *lists]), None)
        return pa.Array.from_buffers(kind, len(cells), [bitmap, _offsets(lists)], children=[items])
    filled: Any = [0 if cell is None else cell for cell in cells]
    return _numbers(kind, np.array(filled, kind.to_pandas_dtype()), bitmap)


def _numbers(kind: "pa.DataType", values: Any, bitmap: "pa.Buffer | None") -> "pa.Array[Any]":
    import pyarrow as pa

    return pa.Array.from_buffers(kind, len(values), [bitmap, pa.py_buffer(values.tobytes())])


def _offsets(values: Sequence[Any]) -> "pa.Buffer":
    """Where each value begins in the joined ones, and where the last one ends."""
    import pyarrow as pa

    ends = np.cumsum([0, *map(len, values)])
    return pa.py_buffer(ends.astype(np.int32).tobytes())
