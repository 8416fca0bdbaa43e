"""Fit the coefficients of the physics form.

GPUs of another vendor than most rows have take no part in the ties of the others: they reach other
shares of their peak rates, and engines run other software there. Their coefficients are drawn to
those of the same engine on the other GPUs, and the harder for types of GPU of that vendor that have
no rows.

Steps that decode alone have fewer rows than mean steps, of which they are a part: their
coefficients are drawn to those of mean steps, engine by engine and vendor by vendor. What they do
not tell, as what prompts take, they have from these.
"""

from dataclasses import replace

import numpy as np

from ...features.steps import Array
from ...physics import OF_ENGINES, Physics, engine_at
from ...rows.serving_rows import ServingRows
from .design import SHARED, Design, Ties


def fit_physics(
    rows: ServingRows, ties: Ties | None = None, mean: Physics | None = None
) -> Physics:
    """Fit rows, at least one; those of steps that decode alone around the law of `mean` steps."""
    ties = ties or Ties()
    vendor, first, others = by_vendor(rows)
    design = Design.of(first)
    if mean is None:
        shared = design.shared()
        found = named_physics(design, shared, design.apart(shared, ties))
    else:
        own = design.around(design.coefficients_in(mean, vendor), ties.mean)
        found = _named(design, own, mean.of_engine("", vendor))
    of_vendors: dict[str, dict[str, float]] = {}
    for vendor, some in others.items():
        design = Design.of(some)
        towards = design.coefficients_in(found if mean is None else mean, vendor)
        of_vendors |= _at(vendor, design, design.drawn(towards, ties.other_gpus))
        own = design.drawn(towards, ties.vendors)
        for gpu in np.unique(some.gpu_names):
            of_vendors |= _at(str(gpu), design, own)
    return replace(found, by_vendor=of_vendors)


def named_physics(design: Design, shared: Array, apart: Array) -> Physics:
    """Sort coefficients of (column, engine) by engine; the pooled ones are those shared."""
    of_merged = dict(zip(design.merged, map(float, shared), strict=True))
    pooled = {column: of_merged[SHARED.get(column, column)] for column in OF_ENGINES}
    return _named(design, apart, pooled)


def _named(design: Design, own: Array, pooled: dict[str, float]) -> Physics:
    """Sort coefficients `own` (k,) by engine; `pooled` are those of all engines."""
    by_engine: dict[str, dict[str, float]] = {}
    for (column, engine), value in zip(design.names, own, strict=True):
        part = by_engine.setdefault(engine, {}) if engine else pooled
        part[column] = float(value)
    return Physics(pooled, by_engine)


def by_vendor(rows: ServingRows) -> tuple[str, ServingRows, dict[str, ServingRows]]:
    """The vendor that most rows have, its rows, and those of each other."""
    vendors, counts = np.unique(rows.vendors, return_counts=True)
    parts = {str(one): rows.taken(np.flatnonzero(rows.vendors == one)) for one in vendors}
    most = str(vendors[np.argmax(counts)])
    return most, parts.pop(most), parts


def _at(place: str, design: Design, own: Array) -> dict[str, dict[str, float]]:
    """Coefficients `own` (k,) by the name of a place, and of each engine there."""
    found: dict[str, dict[str, float]] = {}
    for (column, engine), value in zip(design.names, own, strict=True):
        name = engine_at(engine, place) if engine else place
        found.setdefault(name, {})[column] = float(value)
    return found
