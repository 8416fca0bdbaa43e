"""Which measured rows a kernel model can compose, and what keeps the others from it."""

from collections import Counter
from dataclasses import dataclass
from typing import Final

import numpy as np

from ....store.errors import BadInput, shortened
from ..features.steps import Array
from ..rows.serving_rows import Places, ServingRows
from .columns import COLUMNS, is_converted, kernel_columns
from .kernels import ModelKernels

_FEWEST_ROWS: Final = 30
_FEWEST_CONFIGURATIONS: Final = 5
_LONGEST: Final = 160  # characters of a reason


@dataclass(frozen=True, slots=True)
class Composable:
    """Rows that kernels compose, by their places (m,), and the columns of those, (m, 3).

    `converted` of them compute in another type than the kernels. `refused` maps why others of the
    kernels' GPU cannot be composed to how many these are.
    """

    places: Places
    columns: Array
    converted: int
    refused: dict[str, int]


def composable(rows: ServingRows, kernels: ModelKernels) -> Composable:
    """Compose what can be, of the rows of the kernels' GPU.

    Raises BadInput where no row is of that GPU, and for fewer than 30 rows or 5 configurations that
    can be composed, with what is missing.
    """
    columns = np.full((len(rows), len(COLUMNS)), np.nan)
    refused: Counter[str] = Counter()
    on_gpu = converted = 0
    for place in np.unique(rows.which):
        served, at = rows.deployments[place], np.flatnonzero(rows.which == place)
        if served.gpu is not kernels.sheet:
            continue
        on_gpu += len(at)
        try:
            found = kernel_columns(kernels, served, rows.steps.taken(at))
        except BadInput as error:
            refused[shortened(error.message, _LONGEST)] += len(at)
            continue
        columns[at] = np.column_stack([found[name] for name in COLUMNS])
        converted += len(at) * is_converted(kernels, served)
    places = np.flatnonzero(np.isfinite(columns).all(axis=1))
    composed = rows.taken(places)
    if (
        len(places) < _FEWEST_ROWS
        or len(np.unique(composed.configurations)) < _FEWEST_CONFIGURATIONS
    ):
        raise _too_few(kernels, composed, on_gpu, refused)
    return Composable(places, columns[places], converted, dict(refused.most_common()))


def _too_few(
    kernels: ModelKernels, composed: ServingRows, on_gpu: int, refused: Counter[str]
) -> BadInput:
    known = len(np.unique(composed.configurations))
    why = f"; of others: {refused.most_common(1)[0][0]}" if refused else ""
    return BadInput(
        f"{len(composed)} of {on_gpu} rows of {kernels.device}, of {known} configurations, can be"
        f" composed of these kernels, and a fit needs {_FEWEST_ROWS} of {_FEWEST_CONFIGURATIONS}"
        f"{why}",
        hint="give kernels of the GPU and the shapes that the rows are of, or leave them out",
    )
