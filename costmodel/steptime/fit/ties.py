"""Choose how far coefficients may part from what they are tied to.

By what the fit says of rows that are left out by configuration, by model, by type of GPU, and with
experts from those without and the reverse: it is asked about all of these.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from itertools import product
from typing import Final

import numpy as np

from ..effects import Effects
from ..features.steps import Array
from ..rows.serving_rows import ServingRows, Strings
from .folds import Labels, shuffled_folds
from .physics.design import Design, Ties
from .physics.law import by_vendor, fit_physics
from .step_model import Law, mean_beside

_ENGINES: Final = (0.25, 0.4, 0.6, 0.9)
_COLUMNS: Final = (0.5, 1.0, 2.0)
_VENDORS: Final = (0.1, 0.25, 0.5, 1.0, 2.0)
_MEAN: Final = (0.5, 1.0, 2.0, 4.0)
_FOLDS: Final = 5

# What coefficients are drawn to, of the rows that are not left out; None where these are too few.
Source = Callable[[ServingRows], Law | None]
# Fit a design around coefficients (k,), with a standard deviation as a share of them.
Drawn = Callable[[Design, Array, float], Array]


def choose_ties(rows: ServingRows, seed: int = 0) -> Ties:
    """The best choices by grouped folds of each kind; of equals the first.

    They have the smallest mean |log of predicted over measured|; each way of leaving out counts the
    same. Engines and columns, or how far decode steps part from the mean steps beside them, are
    asked about the rows of the vendor that most have, vendors about the others' configurations and
    models, other GPUs about theirs; if there are none, those of the class stand.
    """
    _, first, others = by_vendor(rows)
    source: Source = mean_beside
    if rows.beside is None:
        ties = _choose_first(first, seed)
        found = Law(fit_physics(first, ties), Effects({}))
        source = partial(_always, found)
    else:
        folds = (*_folds(first, seed), first.has_experts)
        errors = _errors_drawn(first, folds, source, Design.around, _MEAN)
        ties = Ties(mean=_least(_MEAN, errors))
    known, new = np.zeros(len(_VENDORS)), np.zeros(len(_VENDORS))
    for some in others.values():
        *of_known, of_gpus = _folds(some, seed)
        known += _errors_drawn(some, of_known, source, Design.drawn, _VENDORS)
        new += _errors_drawn(some, (of_gpus,), source, Design.drawn, _VENDORS)
    if known.any():
        ties = replace(ties, vendors=_least(_VENDORS, known))
    return replace(ties, other_gpus=_least(_VENDORS, new)) if new.any() else ties


def _choose_first(rows: ServingRows, seed: int) -> Ties:
    design = Design.of(rows)
    choices = [Ties(*values) for values in product(_ENGINES, _COLUMNS)]
    errors = np.zeros(len(choices))
    for labels in (*_folds(rows, seed), rows.has_experts):
        errors += _errors(design, rows.engines, labels, choices)
    return choices[int(np.argmin(np.round(errors, 12)))]


def _always(law: Law, _: ServingRows) -> Law:
    return law


def _least(choices: tuple[float, ...], errors: Array) -> float:
    """The choice of the smallest error; of equals the first."""
    return choices[int(np.argmin(np.round(errors, 12)))]


def _folds(rows: ServingRows, seed: int) -> list[Labels]:
    """Folds by configuration, by model and by type of GPU."""
    groups = (rows.configurations, rows.models, rows.gpu_names)
    return [shuffled_folds(one, _FOLDS, seed) for one in groups]


def _errors_drawn(
    rows: ServingRows,
    folds: Iterable[Labels],
    source: Source,
    drawn: Drawn,
    spreads: tuple[float, ...],
) -> Array:
    """Mean |log error| of each of the spreads, (c,), over rows of one vendor left out."""
    design, vendor = Design.of(rows), str(rows.vendors[0])
    errors = np.zeros(len(spreads))
    for labels in folds:
        for label in np.unique(labels):
            without, at = np.flatnonzero(labels != label), np.flatnonzero(labels == label)
            if not len(without) or (law := source(rows.taken(without))) is None:
                continue
            towards = design.coefficients_in(law.physics, vendor)
            effects = np.exp(law.effects.log_ratio(rows))
            learnt = replace(design, measured=design.measured / effects).taken(without)
            for place, spread in enumerate(spreads):
                told = effects[at] * (design.values[at] @ drawn(learnt, towards, spread))
                errors[place] += np.abs(np.log(told / design.measured[at])).sum() / len(rows)
    return errors


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
