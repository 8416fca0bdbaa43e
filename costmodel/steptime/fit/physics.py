"""The physics fit: one coefficient per column, tied where rows alone do not tell them apart.

In a first stage columns of one kind share a coefficient: experts with the dense layers, sparse with
latent attention, one engine with the others. A second stage lets each part from there, against a
ridge. So a model with experts can be predicted from dense ones, and an engine of a few rows from
the others.

GPUs of another vendor than most rows have take no part in that: they reach other shares of their
peak rates, and engines run other software there. Their coefficients are drawn to those of the same
engine on the other GPUs, and the harder for types of GPU of that vendor that have no rows.

Dense weights are read once a step, at the data sheet's rate or slower: their coefficient is 1 or
more. That of experts may be less, as skewed routing reads fewer than equal chances do, that of the
cache where an engine keeps it in fp8, and that of arithmetic, which may hide behind reading.

How far coefficients may part is chosen by what the fit says of rows that are left out by
configuration, by model, by type of GPU, and with experts from those without and the reverse: it is
asked about all of these.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import product
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..features.steps import Array
from ..physics import OF_ENGINES, Physics, engine_at
from ..rows.serving_rows import Places, ServingRows, Strings, columns_of
from .folds import Labels, shuffled_folds
from .robust import Pull, fit_relative

_SHARED: Final = {
    "expert_weights": "dense_weights",
    "expert_flops": "dense_flops",
    "prefill_expert_flops": "prefill_dense_flops",
    "sparse_layers": "latent_layers",
}
_LEAST: Final = {"dense_weights": 1.0}
_ENGINES: Final = (0.25, 0.4, 0.6, 0.9)
_COLUMNS: Final = (0.5, 1.0, 2.0)
_VENDORS: Final = (0.1, 0.25, 0.5, 1.0, 2.0)
_NEAR: Final = 0.25  # other GPUs of a vendor whose rows are of one type, and cannot tell
_FOLDS: Final = 5


@dataclass(frozen=True, slots=True)
class Ties:
    """Standard deviations of coefficients around those that they share, as a share of these.

    `engines` is that of engines around all engines, `columns` that of one column around another,
    `vendors` that of GPUs of another vendor around those of most rows, `other_gpus` that of its
    types of GPU without rows.
    """

    engines: float = 0.4
    columns: float = 2.0
    vendors: float = 1.0
    other_gpus: float = _NEAR


@dataclass(frozen=True, slots=True)
class Design:
    """The columns of n rows, (n, k): `names` has the column and the engine of each, "" for all.

    `measured` (n,) in us, `weights` (n,). `place` (k,) is that of the shared coefficient in
    `merged`.
    """

    names: list[tuple[str, str]]
    values: Array
    measured: Array
    weights: Array
    configurations: Strings
    merged: list[str]
    place: NDArray[np.intp]

    @classmethod
    def of(cls, rows: ServingRows) -> "Design":
        """The columns of rows, which are counted once for any number of fits."""
        columns, engines = columns_of(rows), rows.engines
        names = _names(columns, engines)
        groups = [_SHARED.get(column, column) for column, _ in names]
        merged = list(dict.fromkeys(groups))
        return cls(
            names=names,
            values=np.column_stack([_column(columns, engines, *name) for name in names]),
            measured=rows.step_us,
            weights=row_weights(rows.configurations),
            configurations=rows.configurations,
            merged=merged,
            place=np.asarray([merged.index(group) for group in groups]),
        )

    def taken(self, rows: Places) -> "Design":
        """The rows at `rows`, of the same columns; weights are those of these rows alone."""
        return replace(
            self,
            values=self.values[rows],
            measured=self.measured[rows],
            weights=row_weights(self.configurations[rows]),
            configurations=self.configurations[rows],
        )

    def shared(self) -> Array:
        """Fit the shared coefficients, (m,)."""
        together = np.zeros((len(self.values), len(self.merged)))
        np.add.at(together.T, self.place, self.values.T)
        return fit_relative(together, self.measured, self.weights, least=_least(self.merged))

    def apart(self, shared: Array, ties: Ties) -> Array:
        """Fit every coefficient, (k,), around the shared ones."""
        tied = [ties.columns if column in _SHARED else ties.engines for column, _ in self.names]
        pull = Pull(shared[self.place], np.asarray(tied))
        least = _least([column for column, _ in self.names])
        return fit_relative(self.values, self.measured, self.weights, pull, least)

    def drawn(self, towards: Array, spread: float) -> Array:
        """Fit every coefficient, (k,), around `towards` (k,); what is 0 there stays so."""
        found, some = np.zeros(len(towards)), np.flatnonzero(towards)
        pull = Pull(towards[some], spread)
        least = _least([self.names[at][0] for at in some])
        found[some] = fit_relative(self.values[:, some], self.measured, self.weights, pull, least)
        return found


def fit_physics(rows: ServingRows, ties: Ties | None = None) -> Physics:
    """Fit rows, at least one."""
    ties = ties or Ties()
    first, others = _by_vendor(rows)
    design = Design.of(first)
    shared = design.shared()
    found = named_physics(design, shared, design.apart(shared, ties))
    by_vendor: dict[str, dict[str, float]] = {}
    for vendor, some in others.items():
        design = Design.of(some)
        towards = _towards(design, found)
        by_vendor |= _at(vendor, design, design.drawn(towards, ties.other_gpus))
        own = design.drawn(towards, ties.vendors)
        for gpu in np.unique(some.gpu_names):
            by_vendor |= _at(str(gpu), design, own)
    return replace(found, by_vendor=by_vendor)


def choose_ties(rows: ServingRows, seed: int = 0) -> Ties:
    """The best choices by grouped folds of each kind; of equals the first.

    They have the smallest mean |log of predicted over measured|; each way of leaving out counts the
    same. Engines and columns are asked about the rows of the vendor that most have, vendors about
    the others' configurations and models, other GPUs about theirs; if there are none, those of the
    class stand.
    """
    first, others = _by_vendor(rows)
    ties = _choose_first(first, seed)
    if not others:
        return ties
    found = fit_physics(first, ties)
    known, new = np.zeros(len(_VENDORS)), np.zeros(len(_VENDORS))
    for some in others.values():
        of_configurations, of_models, of_gpus = _folds(some, seed)
        known += _errors_drawn(some, found, (of_configurations, of_models))
        new += _errors_drawn(some, found, (of_gpus,))
    ties = replace(ties, vendors=_VENDORS[int(np.argmin(np.round(known, 12)))])
    if not new.any():
        return ties
    return replace(ties, other_gpus=_VENDORS[int(np.argmin(np.round(new, 12)))])


def _choose_first(rows: ServingRows, seed: int) -> Ties:
    design = Design.of(rows)
    choices = [Ties(*values) for values in product(_ENGINES, _COLUMNS)]
    errors = np.zeros(len(choices))
    for labels in (*_folds(rows, seed), rows.has_experts):
        errors += _errors(design, rows.engines, labels, choices)
    return choices[int(np.argmin(np.round(errors, 12)))]


def named_physics(design: Design, shared: Array, apart: Array) -> Physics:
    """Sort coefficients of (column, engine) by engine."""
    of_merged = dict(zip(design.merged, map(float, shared), strict=True))
    pooled = {column: of_merged[_SHARED.get(column, column)] for column in OF_ENGINES}
    by_engine: dict[str, dict[str, float]] = {}
    for (column, engine), value in zip(design.names, apart, strict=True):
        part = by_engine.setdefault(engine, {}) if engine else pooled
        part[column] = float(value)
    return Physics(pooled, by_engine)


def _at(place: str, design: Design, own: Array) -> dict[str, dict[str, float]]:
    """Coefficients `own` (k,) by the name of a place, and of each engine there."""
    found: dict[str, dict[str, float]] = {}
    for (column, engine), value in zip(design.names, own, strict=True):
        name = engine_at(engine, place) if engine else place
        found.setdefault(name, {})[column] = float(value)
    return found


def row_weights(configurations: Strings) -> Array:
    """One over the square root of the rows of a configuration; of shape (n,).

    Its rows share an error, so that the hundredth adds less than the first.
    """
    _, place, counts = np.unique(configurations, return_inverse=True, return_counts=True)
    return np.asarray(1 / np.sqrt(counts[place]))


def _least(columns: list[str]) -> Array:
    """The smallest coefficients that columns can have, (k,)."""
    return np.asarray([_LEAST.get(column, 0.0) for column in columns])


def _by_vendor(rows: ServingRows) -> tuple[ServingRows, dict[str, ServingRows]]:
    """The rows of the vendor that most have, and those of each other."""
    vendors, counts = np.unique(rows.vendors, return_counts=True)
    parts = {str(one): rows.taken(np.flatnonzero(rows.vendors == one)) for one in vendors}
    first = parts.pop(str(vendors[np.argmax(counts)]))
    return first, parts


def _towards(design: Design, found: Physics) -> Array:
    """The coefficient that each of a design has in `found`, (k,)."""
    return np.asarray([found.of_engine(engine)[column] for column, engine in design.names])


def _folds(rows: ServingRows, seed: int) -> list[Labels]:
    """Folds by configuration, by model and by type of GPU."""
    groups = (rows.configurations, rows.models, rows.gpu_names)
    return [shuffled_folds(one, _FOLDS, seed) for one in groups]


def _errors_drawn(rows: ServingRows, found: Physics, folds: Iterable[Labels]) -> Array:
    """Mean |log error| of each choice of _VENDORS, (c,), over rows of a vendor left out."""
    design = Design.of(rows)
    towards = _towards(design, found)
    errors = np.zeros(len(_VENDORS))
    for labels in folds:
        for label in np.unique(labels):
            without, at = np.flatnonzero(labels != label), labels == label
            if not len(without):
                continue
            learnt = design.taken(without)
            for place, spread in enumerate(_VENDORS):
                told = design.values[at] @ learnt.drawn(towards, spread)
                errors[place] += np.abs(np.log(told / design.measured[at])).sum() / len(rows)
    return errors


def _names(columns: dict[str, Array], engines: Strings) -> list[tuple[str, str]]:
    """Columns of the whole fit: some of them once per engine."""
    seen = [str(engine) for engine in np.unique(engines)]
    return [
        (column, engine)
        for column in columns
        for engine in (seen if column in OF_ENGINES else [""])
    ]


def _column(columns: dict[str, Array], engines: Strings, column: str, engine: str) -> Array:
    values = columns[column]
    return values * (engines == engine) if engine else values


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
