"""Three coefficients: a step, a prefill token, a running request.

The simplest form that simulators of serving used (docs/steptime.md), and the one that any other
must beat.
"""

from collections.abc import Callable

import numpy as np

from ..features.steps import Array
from ..rows.serving_rows import ServingRows
from .physics import row_weights
from .robust import fit_relative


def fit_blackbox(rows: ServingRows) -> Callable[[ServingRows], Array]:
    """Fit rows together, and give what predicts others; us."""
    found = fit_relative(_columns(rows), rows.step_us, row_weights(rows.configurations))
    return lambda others: np.asarray(_columns(others) @ found)


def _columns(rows: ServingRows) -> Array:
    steps = rows.steps
    return np.column_stack([np.ones(len(rows)), steps.prefill_tokens, steps.running])
