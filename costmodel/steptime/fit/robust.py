"""Non-negative least squares of relative errors, which few far rows cannot pull away."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.optimize import nnls

from ..features.steps import Array

_NEAR: Final = 1.0  # median errors within which a row pulls the harder, the farther it is off
_NORMAL: Final = 1.4826  # standard deviation over median error, of normal errors
_LEAST_SCALE: Final = 1e-6
_ROUNDS: Final = 12
_JITTER: Final = 1e-10


@dataclass(frozen=True, slots=True)
class Pull:
    """Coefficients are normal around `towards` (k,), with `spread` of it as standard deviation.

    `spread` is one number, or one per coefficient (k,).
    """

    towards: Array
    spread: float | Array


def fit_relative(
    columns: Array,
    measured: Array,
    weights: Array,
    pull: Pull | None = None,
    least: Array | None = None,
) -> Array:
    """Coefficients c >= `least`, of shape (k,), for columns (n, k) that sum up to `measured` (n,).

    They minimise the weighted sum of Huber's loss of (columns c - measured) / measured, by
    reweighted least squares (Huber 1964, Ann. Math. Statist. 35), on the scale of the median error.
    `least` is 0 where it is not told, and never below. A column without a value has its coefficient
    from `pull`, or `least`. Raises ValueError where there are no rows.
    """
    if not len(columns):
        raise ValueError("coefficients need one row or more")
    least = np.zeros(columns.shape[1]) if least is None else least
    scaled = columns / measured[:, None]
    rows_weight, scale = weights, 1.0
    for _ in range(_ROUNDS):
        found = _least_squares(scaled, rows_weight, scale, pull, least)
        off = np.abs(scaled @ found - 1)
        scale = max(float(np.median(off)), _LEAST_SCALE)
        rows_weight = weights * np.minimum(1.0, _NEAR * scale / np.maximum(off, _LEAST_SCALE))
    return found


def _least_squares(
    scaled: Array, weights: Array, scale: float, pull: Pull | None, least: Array
) -> Array:
    """One round, from normal equations: few columns, many rows. `scale` is the median error.

    What is solved for is how far coefficients are above `least`.
    """
    gram = scaled.T @ (scaled * weights[:, None])
    target = scaled.T @ weights - gram @ least
    found = least.copy() if pull is None else np.maximum(pull.towards, least)
    used = np.diag(gram) > 0
    if pull is not None:
        held = (pull.towards > 0) & used
        deviation = pull.spread * np.where(held, pull.towards, 1.0)
        ridge = np.where(held, (_NORMAL * scale / deviation) ** 2, 0.0)
        gram, target = gram + np.diag(ridge), target + ridge * (pull.towards - least)
    if not used.any():  # scipy's nnls ends the process on an empty matrix
        return found
    size = np.sqrt(np.diag(gram)[used])
    unit = gram[np.ix_(used, used)] / np.outer(size, size)
    root = np.linalg.cholesky(unit + _JITTER * np.eye(len(size)))
    solved, _ = nnls(root.T, np.linalg.solve(root, target[used] / size))
    found[used] = least[used] + solved / size
    return found
