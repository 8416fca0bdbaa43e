"""Reads a Parquet file of which nothing is trusted: types and sizes are checked before values.

A file of 5 kB may hold a billion equal rows, or a million times the same long text. So texts are
read as a dictionary, in which an equal one is held once, until their whole length is known.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ..errors import BadInput, shortened
from .one_thread import read_in_one_thread
from .unpacking import check_unpacked, most_unpacked_bytes

_NUMBER_BYTES: Final = 8
_FLAT: Final = (
    pa.types.is_null, pa.types.is_boolean, pa.types.is_integer, pa.types.is_floating,
    pa.types.is_string, pa.types.is_large_string,
)  # fmt: skip


def read_bounded(path: Path, file: Any, columns: list[str] | None = None) -> pa.Table:
    """Read the opened file `path`, or those of its columns.

    Raises BadInput where a column holds other than numbers, truth values, texts and lists of them,
    or where the values take more memory than `most_unpacked_bytes`; pa.ArrowException or OSError
    where the file is no Parquet.
    """
    most_bytes = most_unpacked_bytes(path)
    schema = pq.read_schema(file)
    names = schema.names if columns is None else columns
    chosen: Any = [_checked(path, schema.field(name)) for name in names]
    schema = pa.schema(chosen).with_metadata(schema.metadata)
    file.seek(0)
    leaves = list(_leaves(pq.read_metadata(file), names))
    least_bytes = sum(chunk.num_values * _NUMBER_BYTES for chunk in leaves)
    texts = {chunk.path_in_schema: 0 for chunk in leaves if chunk.physical_type == "BYTE_ARRAY"}
    packed = (each.total_uncompressed_size for each in leaves if each.path_in_schema in texts)
    check_unpacked(path, least_bytes + sum(packed), most_bytes)
    file.seek(0)
    table = read_in_one_thread(file, names, list(texts))
    check_unpacked(path, table.nbytes + sum(map(_text_bytes, table.columns)), most_bytes)
    return table.cast(schema)


def _checked(path: Path, field: Any) -> Any:
    """A field, of texts where it is a dictionary. Raises BadInput for dates, structs and so on."""
    type_ = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
    inner = type_.value_type if pa.types.is_list(type_) else type_
    if not any(is_flat(inner) for is_flat in _FLAT):
        raise BadInput(
            f"{path}: column {shortened(field.name)!r} is of type {shortened(str(type_))}, and not"
            " of numbers, truth values, texts, or lists of them"
        )
    return field.with_type(type_)


def _leaves(metadata: Any, names: list[str]) -> Iterator[Any]:
    """The stored columns of `names` in each group of rows; that of a list is called "a.list.b"."""
    for place in range(metadata.num_row_groups):
        group = metadata.row_group(place)
        for chunk in map(group.column, range(group.num_columns)):
            if chunk.path_in_schema in names or chunk.path_in_schema.split(".")[0] in names:
                yield chunk


def _text_bytes(column: Any) -> int:
    """Bytes of the texts of a column, each counted as often as it stands there; 0 of numbers."""
    if pa.types.is_list(column.type):
        column = pc.list_flatten(column)
    if not pa.types.is_dictionary(column.type):
        return 0
    total = 0
    for chunk in column.chunks:
        lengths = pc.binary_length(chunk.dictionary.cast(pa.large_binary()))
        total += int(pc.sum(lengths.take(chunk.indices)).as_py() or 0)
    return total
