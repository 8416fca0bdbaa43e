"""Fit the three coefficients of the blackbox."""

from collections.abc import Callable

import numpy as np

from ..blackbox import Blackbox, blackbox_columns
from ..features.steps import Array
from ..rows.serving_rows import ServingRows
from ..step_model import StepModel
from .physics import row_weights
from .robust import fit_relative


def fit_coefficients(rows: ServingRows) -> Blackbox:
    """Fit rows together, at least one."""
    columns = blackbox_columns(rows)
    values = np.column_stack(list(columns.values()))
    found = fit_relative(values, rows.step_us, row_weights(rows.configurations))
    return Blackbox(dict(zip(columns, map(float, found), strict=True)))


def fit_blackbox(rows: ServingRows) -> Callable[[ServingRows], Array]:
    """The same for cross-validation: what predicts others; us."""
    return StepModel(fit_coefficients(rows)).step_us
