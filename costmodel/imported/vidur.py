"""Tables of vidur (microsoft/vidur, MIT): the layers of dense models on A100, A40 and H100.

Each `…/<gpu>/<organisation>/<model>/mlp.csv` holds one GPU and model: the median of 20 runs in ms,
with a resolution of 1 us, by tokens and tensor parallelism.
"""

import csv
import io
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from ...device.peaks import sheets_named
from ...store.errors import BadInput, shortened
from ...store.files import read_text, refuse_lfs_pointer
from ...store.scenario import Scenario
from .cells import Cells, rows_of
from .source_rows import Imported, ImportedTable, origin_of

_DTYPE_BYTES: Final = 2
_MODEL: Final = ("n_head", "n_kv_head", "n_embd", "n_expanded_embd", "use_gated_mlp")
_PARALLEL: Final = "num_tensor_parallel_workers"
_NEEDED: Final = (*_MODEL, "num_tokens", _PARALLEL)
_GATED: Final = {"True": True, "False": False}
_HINT: Final = "name a mlp.csv of vidur"
_FOLDERS: Final = "<gpu>/<organisation>/<model>/mlp.csv"
_MOST_BYTES: Final = 16 << 20  # published ones have less than 1 MB
OPS: Final = ("mlp_up_proj", "mlp_down_proj", "attn_pre_proj", "attn_post_proj", "mlp_act", "add")


def read_vidur(path: Path, tensor_parallel: int, commit: str) -> ImportedTable:
    """Read one `mlp.csv` of the repository at `commit`, for one tensor parallelism.

    Raises BadInput where the file
    is missing or is no such table, holds several models or a cell that is wrong, and where the
    parallelism is not in it.
    """
    refuse_lfs_pointer(path)
    if os.path.isdir(path):
        raise BadInput(f"{path} is a folder", hint=f"{_HINT} in it: {_FOLDERS}")
    gpu = _gpu(path) if os.path.exists(path) else ""  # _table refuses a file that is missing
    rows, cut = _table(path)
    if not sheets_named(gpu):
        raise _names_no_gpu(path, f": {shortened(repr(gpu))} is none with a data sheet")
    _check_one_model(rows)
    parallelisms = [row.whole(_PARALLEL) for row in rows]
    chosen = [row for row, one in zip(rows, parallelisms, strict=True) if one == tensor_parallel]
    if not chosen:
        raise BadInput(
            f"{path} holds no row of tensor parallelism {tensor_parallel}",
            hint=f"it holds {', '.join(map(str, sorted(set(parallelisms)))) or 'no row'}",
        )
    return ImportedTable(
        rows=tuple(row for op in OPS for row in _rows(chosen, op, tensor_parallel)),
        gpu=gpu,
        versions={"vidur": commit[:12]},
        origin=origin_of("microsoft/vidur", commit, "MIT", [path]),
        remarks=(
            *cut,
            *(
                f"{op} left out: the table has no column {_column(op)!r}"
                for op in OPS
                if _column(op) not in chosen[0].values
            ),
        ),
    )


def _gpu(path: Path) -> str:
    """The GPU that the folders above the table name."""
    above = path.resolve().parents
    if len(above) < len(Path(_FOLDERS).parts):
        raise _names_no_gpu(path)
    return above[2].name.upper()


def _names_no_gpu(path: Path, but: str = "") -> BadInput:
    return BadInput(
        f"{path} does not lie in folders that name its GPU{but}",
        hint=f"keep vidur's folders: {_FOLDERS}",
    )


def _table(path: Path) -> tuple[list[Cells], list[str]]:
    """The rows of a table, with the columns that are used, and a remark on a row that was cut."""
    names, lines, cut = _lines(path)
    missing = [name for name in _NEEDED if name not in names]
    if missing:
        raise BadInput(f"{path} lacks the column {missing[0]!r}", hint=_HINT)
    used = [name for name in (*_NEEDED, *map(_column, OPS)) if name in names]
    twice = [name for name in used if names.count(name) > 1]
    if twice:
        raise BadInput(
            f"{path} has {names.count(twice[0])} columns of the name {twice[0]!r}",
            hint="remove the one that is not meant",
        )
    for row, line in enumerate(lines, start=1):
        if len(line) > len(names):
            raise BadInput(
                f"{path} has {len(line)} cells in row {row}, and names {len(names)} columns",
                hint="mend or remove the row",
            )
    places = {name: names.index(name) for name in used}
    columns = {
        name: [_value(line[place]) if place < len(line) else None for line in lines]
        for name, place in places.items()
    }
    return list(rows_of(path, columns)), cut


def _lines(path: Path) -> tuple[list[str], list[list[str]], list[str]]:
    """Names and rows of a table, and a remark where the last row is left out: its end is unsure.

    Raises BadInput where the last row lacks cells.
    """
    text = read_text(path, _MOST_BYTES).removeprefix("\ufeff")
    try:
        names, *lines = [line for line in csv.reader(io.StringIO(text)) if line] or [[]]
    except csv.Error as error:
        raise BadInput(f"{path} is not CSV: {error}", hint=_HINT) from error
    if not lines or text.endswith("\n"):
        return names, lines, []
    number, cells = len(lines), len(lines[-1])
    if cells < len(names):
        raise BadInput(
            f"{path} is cut short in row {number}: it ends before column {names[cells]!r}",
            hint="fetch the file anew, or remove its last row",
        )
    return names, lines[:-1], [f"{path}: row {number} left out, for the file ends inside it"]


def _value(text: str) -> Any:
    """The number in a cell, None where it is blank, else the text."""
    if "_" in text or not text.isascii():  # which Python allows in a number
        return text
    for number in (int, float):
        try:
            return number(text)
        except ValueError:
            continue
    return text.strip() or None


def _column(op: str) -> str:
    return f"time_stats.{op}.median"


def _check_one_model(rows: Sequence[Cells]) -> None:
    """Refuse a wrong size of the model, and a row of another model than the first's."""
    for row in rows:
        if row.values["use_gated_mlp"] not in _GATED:
            raise row.refusal("use_gated_mlp", "True or False")
        for column in _MODEL:
            if column != "use_gated_mlp":
                row.whole(column)
            if row.values[column] != rows[0].values[column]:
                first = rows[0].values[column]
                raise row.refusal(column, f"{first!r} as in row 1: the file is of one model")


def _rows(table: Sequence[Cells], op: str, tensor_parallel: int) -> Iterator[Imported]:
    """Rows of one operation; none where the table lacks it."""
    column = _column(op)
    if column not in table[0].values:
        return
    shape, reads_weights = _shape(table[0], op, tensor_parallel)
    for row in table:
        yield Imported(
            _scenario(op, row.whole("num_tokens"), shape, reads_weights),
            latency_us=row.duration_us(column),
            place=row.place(column),
        )


def _shape(row: Cells, op: str, parallel: int) -> tuple[tuple[int, ...], bool]:
    """Shape of an operation on one GPU, and whether it reads weights."""
    hidden = _divided(row, "n_embd", parallel) * parallel
    expanded = _divided(row, "n_expanded_embd", parallel)
    head = _divided(row, "n_embd", row.whole("n_head"))
    queries = hidden // parallel
    keys = max(1, row.whole("n_kv_head") // parallel) * head
    gates = 2 if _GATED[row.values["use_gated_mlp"]] else 1
    shapes = {
        "mlp_up_proj": (gates * expanded, hidden),
        "mlp_down_proj": (hidden, expanded),
        "attn_pre_proj": (queries + 2 * keys, hidden),
        "attn_post_proj": (hidden, queries),
    }
    if op in shapes:
        return shapes[op], True
    return ((gates + 1) * expanded if op == "mlp_act" else 3 * hidden,), False


def _divided(row: Cells, column: str, parts: int) -> int:
    """A width over a number of parts, of which it must be a multiple."""
    width = row.whole(column)
    if width % parts:
        raise row.refusal(column, f"a multiple of {parts}")
    return width // parts


def _scenario(op: str, tokens: int, shape: tuple[int, ...], reads_weights: bool) -> Scenario:
    if reads_weights:
        n, k = shape
        flops, elements = 2 * tokens * n * k, n * k + tokens * (n + k)
    else:
        flops, elements = tokens * shape[0], tokens * shape[0]
    return Scenario(
        op=op,
        tokens=tokens,
        shape=shape,
        dtype="float16",
        flops=flops,
        bytes_moved=elements * _DTYPE_BYTES,
        l2="hot",
    )
