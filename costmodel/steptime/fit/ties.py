"""How far tied coefficients may part, chosen by what the fit says of rows that it never saw.

Rows are left out by configuration, by model and by type of GPU, and those with experts from those
without and the reverse: the fit is asked about all of these. The choice is that of the smallest
mean |log of predicted over measured|, where each way of leaving out counts the same.
"""

from itertools import product
from typing import Final

import numpy as np

from ..features.steps import Array
from ..rows.serving_rows import ServingRows, Strings
from .folds import Labels, shuffled_folds
from .physics import Design, Ties

_ENGINES: Final = (0.25, 0.4, 0.6, 0.9)
_COLUMNS: Final = (0.5, 1.0, 2.0)
_FOLDS: Final = 5


def choose_ties(rows: ServingRows, seed: int = 0) -> Ties:
    """The best of twelve choices by grouped folds of each kind; of equals the first."""
    design = Design.of(rows)
    choices = [Ties(*values) for values in product(_ENGINES, _COLUMNS)]
    errors = np.zeros(len(choices))
    left = [
        shuffled_folds(groups, _FOLDS, seed)
        for groups in (rows.configurations, rows.models, rows.gpu_names)
    ]
    for labels in (*left, rows.has_experts):
        errors += _errors(design, rows.engines, labels, choices)
    return choices[int(np.argmin(np.round(errors, 12)))]


def _errors(design: Design, engines: Strings, labels: Labels, choices: list[Ties]) -> Array:
    """Mean |log error| of each choice, (c,), over rows left out with their label."""
    off = np.zeros((len(choices), len(labels)))
    for label in np.unique(labels):
        without, at = np.flatnonzero(labels != label), np.flatnonzero(labels == label)
        if not len(without):
            continue
        learnt = design.taken(without)
        shared = learnt.shared()
        known = np.isin(engines[at], engines[without])
        for place, ties in enumerate(choices):
            # An engine without rows keeps what it shares with the others, as in Physics.
            found = learnt.apart(shared, ties)
            whole, pooled = (design.values[at] @ one for one in (found, shared[design.place]))
            told = np.where(known, whole, pooled)
            off[place, at] = np.abs(np.log(told / design.measured[at]))
    return np.asarray(off.mean(axis=1))
