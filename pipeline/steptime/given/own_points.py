"""Steps of one's own that a prediction is calibrated with: a CSV of batches and microseconds."""

import csv
import re
from collections import Counter
from io import StringIO
from pathlib import Path
from typing import Final

import numpy as np

from ....costmodel.steptime.features.steps import Array
from ....store.errors import BadInput, shortened
from ....store.files import read_text

_MOST_BYTES: Final = 1 << 20
_LARGEST_BATCH: Final = 10**9
_OWN_US: Final = (0.1, 1e12)
_COLUMNS: Final = ("batch", "step_us")
_NUMBER: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_COMMENT: Final = re.compile(r"^#[^\r\n]*", re.MULTILINE)
_HINT: Final = "write a CSV with the columns batch,step_us and rows such as 8,12500"


def own_points(path: Path) -> tuple[tuple[int, ...], Array]:
    """Batches and steps in us of a CSV, a byte order mark before it or not.

    Lines that begin with # are comments. The case of column names does not count. Raises BadInput
    for anything else, with its line.
    """
    text = read_text(path, _MOST_BYTES).removeprefix("\ufeff")
    lines = csv.reader(StringIO(_COMMENT.sub("", text)), strict=True)
    try:
        header = [name.strip().casefold() for name in next(filter(None, lines), [])]
        _check_columns(path, header)
        points = [_point(path, lines.line_num, header, line) for line in lines if line]
    except csv.Error as error:
        told = f"{path}, line {lines.line_num}, is no line of a CSV: {shortened(str(error))}"
        raise BadInput(told, hint=_HINT) from error
    if not points:
        raise BadInput(f"{path} holds no steps: it has a header alone", hint=_HINT)
    return tuple(batch for batch, _ in points), np.asarray([step_us for _, step_us in points])


def _point(path: Path, number: int, header: list[str], line: list[str]) -> tuple[int, float]:
    """A batch and its step in us. Raises BadInput, which names the line, for anything else."""
    where = f"{path}, line {number},"
    if len(line) != len(header):
        raise BadInput(f"{where} has {len(line)} values and not {len(header)}", hint=_HINT)
    told = dict(zip(header, map(str.strip, line), strict=True))
    batch, step_us = told["batch"], _number(told["step_us"])
    if not (batch.isascii() and batch.isdigit() and 1 <= _number(batch) <= _LARGEST_BATCH):
        raise BadInput(
            f"{where} has the batch {shortened(batch)!r}, and must have a whole number of 1 to"
            f" {_LARGEST_BATCH:g}",
            hint=_HINT,
        )
    least_us, most_us = _OWN_US
    if not least_us <= step_us <= most_us:
        raise BadInput(
            f"{where} has the step {shortened(told['step_us'])!r}, and must have {least_us} to"
            f" {most_us:g} us",
            hint=_HINT,
        )
    return int(batch), step_us


def _number(text: str) -> float:
    """The number of a text, in digits as CSVs have them; NaN of any other."""
    return float(text) if _NUMBER.fullmatch(text) else float("nan")


def _check_columns(path: Path, found: list[str]) -> None:
    if missing := [name for name in _COLUMNS if name not in found]:
        told = ", ".join(map(repr, found)) or "none"
        raise BadInput(
            f"{path} holds no steps: it lacks the column {missing[0]}, and has {shortened(told)}",
            hint=f"{_HINT}, with commas between" if ";" in told or r"\t" in told else _HINT,
        )
    if others := [*(Counter(found) - Counter(_COLUMNS))]:
        raise BadInput(
            f"{path} has the column {shortened(others[0])!r} beside batch and step_us, or twice",
            hint=f"{_HINT}; prompt and output are those of --prompt and --output",
        )
