"""Steps of one's own that a prediction is calibrated with: a CSV of batches and microseconds."""

import csv
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
_HINT: Final = "write a CSV with the columns batch,step_us and rows such as 8,12500"


def own_points(path: Path) -> tuple[tuple[int, ...], Array]:
    """Batches and steps in us of a CSV, a byte order mark before it or not.

    Raises BadInput for anything else.
    """
    text = read_text(path, _MOST_BYTES).removeprefix("\ufeff")
    try:
        lines = csv.DictReader(StringIO(text))
        _check_columns(path, list(lines.fieldnames or ()))
        rows = list(lines)
        batches = tuple(int(row["batch"]) for row in rows)
        step_us = np.asarray([float(row["step_us"]) for row in rows])
    except (TypeError, ValueError, csv.Error) as error:
        raise BadInput(f"{path} holds no steps: {shortened(str(error))}", hint=_HINT) from error
    least_us, most_us = _OWN_US
    if not rows or not ((step_us >= least_us) & (step_us <= most_us)).all():
        raise BadInput(
            f"{path} holds no steps, or one not of {least_us} to {most_us:g} us", hint=_HINT
        )
    if not 1 <= min(batches) <= max(batches) <= _LARGEST_BATCH:
        raise BadInput(f"{path} has a batch that is not 1 to {_LARGEST_BATCH:g}", hint=_HINT)
    return batches, step_us


def _check_columns(path: Path, found: list[str]) -> None:
    if missing := [name for name in _COLUMNS if name not in found]:
        told = ", ".join(map(repr, found)) or "none"
        raise BadInput(
            f"{path} holds no steps: it lacks the column {missing[0]}, and has {shortened(told)}",
            hint=f"{_HINT}, with commas between" if ";" in told or r"\t" in told else _HINT,
        )
