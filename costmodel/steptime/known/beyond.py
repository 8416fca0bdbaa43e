"""Which columns of steps are beyond those that a fit has rows of."""

from collections.abc import Mapping
from typing import Final

import numpy as np

from ....store.serving.step_time_model import StepFit
from ..features.steps import Array

_NEAR: Final = 0.01  # a value so little beyond the rows, as a share of it, is not beyond them


def beyond_rows(fit: StepFit, columns: Mapping[str, Array]) -> tuple[dict[str, float | None], ...]:
    """For each step, the columns beyond the fitted rows, as multiples of their nearest value."""
    count = len(next(iter(columns.values())))
    found: list[dict[str, float | None]] = [{} for _ in range(count)]
    for name, values in columns.items():
        least, most = fit.domain[name]
        for at in np.flatnonzero(values > most * (1 + _NEAR)):
            found[at][name] = float(values[at]) / most if most else None
        for at in np.flatnonzero(values < least * (1 - _NEAR)):
            found[at][name] = float(values[at]) / least
    return tuple(found)
