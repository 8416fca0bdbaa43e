"""The columns of rows as a regression, and coefficients around what they are tied to.

In a first stage columns of one kind share a coefficient: experts with the dense layers, sparse with
latent attention, one engine with the others. A second stage lets each part from there, against a
ridge. So a model with experts can be predicted from dense ones, and an engine of a few rows from
the others.

Dense weights are read once a step, at the data sheet's rate or slower: their coefficient is 1 or
more. That of experts may be less, as skewed routing reads fewer than equal chances do, that of the
cache where an engine keeps it in fp8, and that of arithmetic, which may hide behind reading.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ...features.steps import Array
from ...physics import OF_ENGINES, Physics
from ...rows.serving_rows import Places, ServingRows, Strings, columns_of
from ..robust import Pull, fit_relative

SHARED: Final = {
    "expert_weights": "dense_weights",
    "expert_flops": "dense_flops",
    "prefill_expert_flops": "prefill_dense_flops",
    "sparse_layers": "latent_layers",
}
_LEAST: Final = {"dense_weights": 1.0}
# Other GPUs of a vendor whose rows are of one type, and cannot tell.
_NEAR: Final = 0.25


@dataclass(frozen=True, slots=True)
class Ties:
    """Standard deviations of coefficients around those that they share, as a share of these.

    `engines` is that of engines around all engines, `columns` that of one column around another,
    `vendors` that of GPUs of another vendor around those of most rows, `other_gpus` that of its
    types of GPU without rows; `mean` that of steps that decode alone around mean steps.
    """

    engines: float = 0.4
    columns: float = 2.0
    vendors: float = 1.0
    other_gpus: float = _NEAR
    mean: float = 2.0


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
        groups = [SHARED.get(column, column) for column, _ in names]
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
        tied = [ties.columns if column in SHARED else ties.engines for column, _ in self.names]
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

    def around(self, towards: Array, spread: float) -> Array:
        """The same, but that what is 0 there may be anything."""
        least = _least([column for column, _ in self.names])
        pull = Pull(towards, spread)
        return fit_relative(self.values, self.measured, self.weights, pull, least)

    def coefficients_in(self, law: Physics, vendor: str = "") -> Array:
        """The coefficient that each of the columns has in `law` on GPUs of a vendor, (k,)."""
        return np.asarray([law.of_engine(engine, vendor)[column] for column, engine in self.names])


def row_weights(configurations: Strings) -> Array:
    """One over the square root of the rows of a configuration; of shape (n,).

    Its rows share an error, so that the hundredth adds less than the first.
    """
    _, place, counts = np.unique(configurations, return_inverse=True, return_counts=True)
    return np.asarray(1 / np.sqrt(counts[place]))


def _least(columns: list[str]) -> Array:
    """The smallest coefficients that columns can have, (k,)."""
    return np.asarray([_LEAST.get(column, 0.0) for column in columns])


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
