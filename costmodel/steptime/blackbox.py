"""Step times from three coefficients: of a step, a prefill token and a running request.

The simplest form that simulators of serving used, and the one that any other must beat.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from .features.steps import Array
from .rows.serving_rows import ServingRows

TERMS: Final = ("step", "prefill_token", "running_request")


@dataclass(frozen=True, slots=True)
class Blackbox:
    """Coefficients by term; us per step, per prefill token and per running request."""

    coefficients: dict[str, float]

    def terms_us(self, rows: ServingRows) -> dict[str, Array]:
        """What each term adds to the step of each row; each of shape (n,)."""
        columns = blackbox_columns(rows)
        return {name: self.coefficients[name] * values for name, values in columns.items()}


def blackbox_columns(rows: ServingRows) -> dict[str, Array]:
    """What the three coefficients multiply, each of shape (n,)."""
    steps = rows.steps
    values = (np.ones(len(rows)), steps.prefill_tokens, steps.running)
    return dict(zip(TERMS, values, strict=True))
