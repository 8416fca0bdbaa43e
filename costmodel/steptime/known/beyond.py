"""Which columns of steps are beyond those that a fit has rows of."""

from collections.abc import Mapping
from typing import Final

import numpy as np

from ....store.serving.step_time_model import StepTimeFile, Target
from ..features.steps import Array

_OF_PROMPTS: Final = "prefill_"
_NEAR: Final = 0.01  # a value so little beyond the rows, as a share of it, is not beyond them


def domain_of(file: StepTimeFile, target: Target) -> Mapping[str, tuple[float, float]]:
    """The smallest and largest value of each column of a fit's rows.

    What prompts take of steps that decode alone is told by mean steps, and so is where it ends.
    """
    domain, mean = file.steps[target].domain, file.steps.get("mean")
    if target == "mean" or mean is None:
        return domain
    of_mean = mean.domain.items()
    prompts = {name: (0.0, most) for name, (_, most) in of_mean if name.startswith(_OF_PROMPTS)}
    return {**domain, **prompts}


def beyond_rows(
    domain: Mapping[str, tuple[float, float]], columns: Mapping[str, Array]
) -> tuple[dict[str, float | None], ...]:
    """For each step, the columns beyond the fitted rows, as multiples of their nearest value."""
    count = len(next(iter(columns.values())))
    found: list[dict[str, float | None]] = [{} for _ in range(count)]
    for name, values in columns.items():
        least, most = domain[name]
        for at in np.flatnonzero(values > most * (1 + _NEAR)):
            found[at][name] = float(values[at]) / most if most else None
        for at in np.flatnonzero(values < least * (1 - _NEAR)):
            found[at][name] = float(values[at]) / least
    return tuple(found)
