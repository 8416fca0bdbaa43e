"""Grouped cross-validation: each row predicted by a fit that never saw its group."""

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..features.steps import Array
from ..rows.serving_rows import ServingRows, Strings

Fit = Callable[[ServingRows], Callable[[ServingRows], Array]]
Labels = NDArray[Any]

FOLDS: Final = 10
SEED: Final = 0


def shuffled_folds(groups: Strings, folds: int, seed: int) -> Labels:
    """Deal whole groups out to `folds` folds; the fold of each row, of shape (n,)."""
    names, place = np.unique(groups, return_inverse=True)
    dealt = np.random.default_rng(seed).permutation(len(names)) % folds
    return np.asarray(dealt[place])


def left_out(rows: ServingRows, labels: Labels, fit: Fit) -> Array:
    """Predict each row from those of other labels; us, of shape (n,).

    `fit` takes rows and gives what predicts others.
    """
    predicted = np.full(len(rows), np.nan)
    for label in np.unique(labels):
        without, at = np.flatnonzero(labels != label), np.flatnonzero(labels == label)
        predicted[at] = fit(rows.taken(without))(rows.taken(at))
    return predicted
