"""Values that are not of their column's type: such a cell becomes null, and its row is kept.

In SQLite any cell may hold a value of any type. Whole columns are converted where that is possible
(`is_typed`, `typed`), else one cell after the other (`mended`).
"""

import threading
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..messages import TraceWarning

REPLACEMENT: Final = "\ufffd"  # stands for bytes that are no UTF-8


class BadCells:
    """Counts the bad cells of a file while several threads read it."""

    def __init__(self) -> None:
        self.replaced = False  # whether any text was no UTF-8, read by anyone or not
        self._counts: Counter[str] = Counter()  # by "table.column (type)"
        self._lock = threading.Lock()

    def add(self, place: str, what: object, count: int = 1) -> None:
        """Count cells of the column `place` that are not what they should be."""
        if count:
            with self._lock:
                self._counts[f"{place} (not {what})"] += count

    def sentences(self, file: str) -> list[str]:
        """Return what to warn of: one sentence, or none."""
        if not self._counts:
            return []
        places = ", ".join(f"{count} in {place}" for place, count in sorted(self._counts.items()))
        return [f"{file}: {self._counts.total()} {TraceWarning.BAD_CELLS}: {places}"]

    def decoded(self, raw: bytes) -> str:
        """Text of UTF-8; REPLACEMENT stands for bytes that are none."""
        try:
            return raw.decode()
        except UnicodeDecodeError:
            self.replaced = True
            return raw.decode(errors="replace")

    def typed(self, column: "pa.ChunkedArray[Any]", type_: pa.DataType, place: str) -> Any:
        """Return a column for which `is_typed` holds as `type_`.

        An integer that is too large for `type_` becomes null.
        """
        if column.null_count == len(column):
            nulls: Any = pa.nulls(len(column), type_)  # type: ignore[call-overload]
            return pa.chunked_array([nulls])
        if pa.types.is_string(type_):
            return self._utf8(column)
        if pa.types.is_floating(type_):
            return column.cast(type_, safe=False)
        return self._narrowed(column, type_, place)

    def converted(self, values: Sequence[Any], type_: pa.DataType, place: str) -> Any:
        """Return values as an array of `type_`, as a whole where all are of its type."""
        try:
            column = pa.chunked_array([pa.array(values)])
        except (pa.ArrowException, TypeError, OverflowError):
            return self.mended(values, type_, place)
        if is_typed(column, type_):
            return self.typed(column, type_, place)
        return self.mended(values, type_, place)

    def mended(self, values: Iterable[object], type_: pa.DataType, place: str) -> Any:
        """Return values of any type as an array of `type_`, null where one is of another type."""
        given = list(values)
        read = [_value(each, type_) for each in given]
        self.add(place, type_, sum(each is None for each in read) - given.count(None))
        return pa.chunked_array([pa.array(read, type_)])

    def _narrowed(self, column: Any, type_: pa.DataType, place: str) -> Any:
        try:
            return column.cast(type_)
        except pa.ArrowInvalid:
            low, high = _bounds(type_)
            values = np.asarray(column.fill_null(0))
            fits = pa.array((values >= low) & (values <= high))
            self.add(place, type_, len(fits) - fits.true_count)
            return pc.if_else(fits, column, None).cast(type_)

    def _utf8(self, column: Any) -> Any:
        try:
            column.validate(full=True)
        except pa.ArrowInvalid:
            raw = column.cast(pa.binary()).to_pylist()
            texts = [None if each is None else self.decoded(each) for each in raw]
            return pa.chunked_array([pa.array(texts, pa.string())])
        return column


def is_typed(column: "pa.ChunkedArray[Any]", type_: pa.DataType) -> bool:
    """Whether a column holds what `type_` holds: text, whole numbers, numbers, or nothing."""
    if column.null_count == len(column):
        return True
    found = column.type
    if pa.types.is_string(type_):
        return bool(pa.types.is_string(found))
    return pa.types.is_integer(found) or (
        pa.types.is_floating(type_) and pa.types.is_floating(found)
    )


def _bounds(type_: pa.DataType) -> tuple[int, int]:
    half = 2 ** (type_.bit_width - 1)
    return -half, half - 1


def _value(value: object, type_: pa.DataType) -> Any:
    """A value as one of `type_`, None where it is of another type or does not fit."""
    if pa.types.is_string(type_):
        return value if isinstance(value, str) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if pa.types.is_floating(type_):
        return float(value)
    low, high = _bounds(type_)
    whole = int(value) if low <= value <= high else None
    return whole if whole == value else None
