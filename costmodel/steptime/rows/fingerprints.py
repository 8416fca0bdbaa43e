"""What a measured row is known by, so that rows which a fit had are no test of it.

By what the row states: a row that was renamed, or copied to another table, is the same measurement,
whatever the rows beside it make of its values, and however its numbers were rounded. So numbers are
known to a tenth of a percent: fitted rows by the cell of a grid that they lie in, other rows by
this cell and the nearest one beside it.
"""

import hashlib
from itertools import product
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..features.steps import Array
from .serving_rows import ServingRows, Strings

DIGITS: Final = 8  # one in 13,000 other rows is taken for one of 10,000
_CELL: Final = 0.002  # width of a cell in log(1 + number); less than half of it is the same number


def fingerprints(rows: ServingRows) -> Strings:
    """The fingerprint of each row: of its deployment, its work and its time; of shape (n,)."""
    cells = np.rint(_places(rows))
    found = map(_digest, rows.configurations, cells)
    return np.asarray(list(found), dtype=f"<U{DIGITS}")


def are_among(rows: ServingRows, known: Strings) -> NDArray[np.bool_]:
    """Whether each row is one of those whose fingerprints are `known`; of shape (n,)."""
    places, digests = _places(rows), set(known.tolist())
    found = []
    for configuration, place in zip(rows.configurations, places, strict=True):
        beside = np.rint(place) + np.where(place >= np.rint(place), 1, -1)
        near = product(*zip(np.rint(place), beside, strict=True))
        found.append(any(_digest(configuration, np.asarray(one)) in digests for one in near))
    return np.asarray(found, dtype=np.bool_)


def _places(rows: ServingRows) -> Array:
    """Where the numbers of each row lie on the grid; of shape (n, numbers)."""
    steps = rows.steps
    measured = (
        steps.running, steps.context_tokens, steps.prompt_tokens, steps.prefill_tokens,
        rows.stated_us,
    )  # fmt: skip
    return np.log1p(np.nan_to_num(np.stack(measured, axis=1))) / _CELL


def _digest(configuration: str, cells: Array) -> str:
    text = " | ".join([configuration, *(f"{cell:.0f}" for cell in cells)])
    return hashlib.sha256(text.encode()).hexdigest()[:DIGITS]
