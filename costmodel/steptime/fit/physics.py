"""The physics fit: one coefficient per column, tied where rows alone do not tell them apart.

In a first stage a column of experts shares its coefficient with that of the dense layers, and all
engines share theirs. A second stage lets each part from there, against a ridge. So a model with
experts can be predicted from dense ones, and an engine of a few rows from the others.
"""

from typing import Final

import numpy as np

from ..features.steps import Array
from ..physics import OVERHEADS, Physics
from ..rows.serving_rows import ServingRows, Strings, columns_of
from .robust import Pull, fit_relative

_SHARED: Final = {
    "expert_weights": "dense_weights",
    "expert_flops": "dense_flops",
    "prefill_expert_flops": "prefill_dense_flops",
}
_SPREAD: Final = (
    0.38  # engines around their mean; chosen by grouped cross-validation: docs/steptime.md
)


def fit_physics(rows: ServingRows) -> Physics:
    """Fit rows, at least one."""
    columns, engines = columns_of(rows), rows.engines
    names = _names(columns, engines)
    whole = np.column_stack([_column(columns, engines, *name) for name in names])
    groups = [_SHARED.get(column, column) for column, _ in names]
    merged = list(dict.fromkeys(groups))
    place = np.asarray([merged.index(group) for group in groups])
    together = np.zeros((len(rows), len(merged)))
    np.add.at(together.T, place, whole.T)
    weights = row_weights(rows.configurations)
    shared = fit_relative(together, rows.step_us, weights)
    apart = fit_relative(whole, rows.step_us, weights, Pull(shared[place], _SPREAD))
    return _physics(names, apart, dict(zip(merged, map(float, shared), strict=True)))


def _physics(names: list[tuple[str, str]], found: Array, shared: dict[str, float]) -> Physics:
    """Sort coefficients of (column, engine) by engine."""
    pooled = {column: shared[column] for column in OVERHEADS}
    by_engine: dict[str, dict[str, float]] = {}
    for (column, engine), value in zip(names, found, strict=True):
        part = by_engine.setdefault(engine, {}) if engine else pooled
        part[column] = float(value)
    return Physics(pooled, by_engine)


def row_weights(configurations: Strings) -> Array:
    """One over the square root of the rows of a configuration; of shape (n,).

    Its rows share an error, so that the hundredth adds less than the first.
    """
    _, place, counts = np.unique(configurations, return_inverse=True, return_counts=True)
    return np.asarray(1 / np.sqrt(counts[place]))


def _names(columns: dict[str, Array], engines: Strings) -> list[tuple[str, str]]:
    """Columns of the whole fit: those of overheads once per engine."""
    seen = [str(engine) for engine in np.unique(engines)]
    return [
        (column, engine) for column in columns for engine in (seen if column in OVERHEADS else [""])
    ]


def _column(columns: dict[str, Array], engines: Strings, column: str, engine: str) -> Array:
    values = columns[column]
    return values * (engines == engine) if engine else values
