"""Fit the three coefficients of the blackbox."""

from collections.abc import Callable
from typing import Final

import numpy as np

from ..blackbox import Blackbox, blackbox_columns
from ..features.steps import Array
from ..rows.serving_rows import ServingRows
from ..step_model import StepModel
from .physics.design import row_weights
from .robust import fit_relative

_MOST_CONDITION: Final = 30.0


def tell_coefficients(rows: ServingRows) -> bool:
    """Whether rows tell the coefficients apart, of those terms that any row has.

    The condition number of their columns over the measured steps, each of length 1, is 30 at most
    (Belsley, Kuh and Welsch 1980, Regression Diagnostics, section 3.2). Where each request brings
    the same tokens of prompts, a prefill token and a running request have only a sum.
    """
    values = np.column_stack(list(blackbox_columns(rows).values())) / rows.step_us[:, None]
    used = values[:, values.any(axis=0)]
    return bool(np.linalg.cond(used / np.linalg.norm(used, axis=0)) <= _MOST_CONDITION)


def fit_coefficients(rows: ServingRows) -> Blackbox:
    """Fit rows together, at least one."""
    columns = blackbox_columns(rows)
    values = np.column_stack(list(columns.values()))
    found = fit_relative(values, rows.step_us, row_weights(rows.configurations))
    return Blackbox(dict(zip(columns, map(float, found), strict=True)))


def fit_blackbox(rows: ServingRows) -> Callable[[ServingRows], Array]:
    """The same for cross-validation: what predicts others; us."""
    return StepModel(fit_coefficients(rows)).step_us
