"""Fit delays of requests to journeys: non-negative, robust, judged on groups left out."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from ....store.serving.queue_model import DelayFit, DelayScore, QueueModel
from ..digits import rounded, rounded_terms
from ..features.steps import Array
from ..fit.physics.design import row_weights
from ..fit.robust import fit_relative
from ..rows.serving_rows import Strings
from .delay_columns import KV_THRESHOLDS, delivery_columns, queue_columns, token_columns
from .journeys import Journeys

_FEWEST: Final = 30  # requests
_FEWEST_RUNS: Final = 5  # fewer runs are left out by tenths, not one by one
_PARTS: Final = 10
_LEAST_US: Final = 1.0  # a shorter delay is the clock's
_KNOWN: Final = 0.5  # share of the requests that must have a column

_OF_DELAY: Final = {
    "arrival": "arrival_us", "wait": "wait_us", "token": "token_us", "delivery": "delivery_us",
}  # fmt: skip


def fit_queue(journeys: Journeys, thresholds: Sequence[float] = KV_THRESHOLDS) -> QueueModel:
    """Fit every delay that enough journeys tell.

    `thresholds` are shares of the cache in use above which waiting may grow.
    """
    fits: dict[str, DelayFit | None] = {}
    missing = {}
    for delay, name in _OF_DELAY.items():
        columns, delay_us = _columns(journeys, delay, thresholds), journeys.columns[name]
        told = int(np.isfinite(delay_us).sum())
        fits[delay] = _fit(columns, delay_us, journeys) if told >= _FEWEST else None
        if fits[delay] is None:
            missing[delay] = f"{told} requests tell it, and a fit takes {_FEWEST} or more"
    return QueueModel(
        kv_thresholds=tuple(thresholds),
        arrival=fits["arrival"],
        wait=fits["wait"],
        token=fits["token"],
        delivery=fits["delivery"],
        missing=missing,
        requests=len(journeys),
        runs=len(np.unique(journeys.run)),
    )


def _columns(journeys: Journeys, delay: str, thresholds: Sequence[float]) -> dict[str, Array]:
    columns = journeys.columns
    if delay == "token":
        return token_columns(columns["kv_read_us"])
    if delay == "delivery":
        return delivery_columns(columns["running"])
    return queue_columns(
        columns["prompt_tokens"],
        columns["waiting"],
        columns["kv_ratio"],
        columns["recent_preemptions"],
        thresholds,
    )


def _fit(columns: dict[str, Array], delay_us: Array, journeys: Journeys) -> DelayFit | None:
    """One delay; None where no request has it with the columns that most have."""
    first = next(iter(columns))  # the constant, which is 1 even where its argument is unknown
    columns = columns | {first: np.ones(len(delay_us))}
    has_delay = np.isfinite(delay_us)
    known = [
        name for name, values in columns.items() if np.isfinite(values[has_delay]).mean() >= _KNOWN
    ]
    rows = has_delay & np.all([np.isfinite(columns[name]) for name in known], axis=0)
    used = [name for name in known if name == first or np.ptp(columns[name][rows]) > 0]
    if rows.sum() < _FEWEST:
        return None
    table = np.column_stack([columns[name][rows] for name in used])
    measured = np.maximum(delay_us[rows], _LEAST_US)
    runs, times_s = journeys.run[rows], journeys.columns["time_s"][rows]
    found = fit_relative(table, measured, row_weights(runs))
    return DelayFit(
        coefficients=rounded_terms(dict(zip(used, map(float, found), strict=True))),
        unknown=tuple(name for name in columns if name not in used),
        rows=int(rows.sum()),
        score=_score(table, measured, runs, _groups(runs, times_s)),
    )


def _groups(runs: Strings, times_s: Array) -> Strings:
    """What is left out together: whole runs, or of few runs tenths of each in the order of time.

    Requests near in time met the same queue, and do not test each other.
    """
    names = np.unique(runs)
    if len(names) >= _FEWEST_RUNS:
        return runs
    groups = np.empty(len(runs), dtype=object)
    for name in names:
        at = np.flatnonzero(runs == name)
        order = at[np.argsort(times_s[at], kind="stable")]
        for part, rows in enumerate(np.array_split(order, _PARTS)):
            groups[rows] = f"{name} {part}"
    return groups.astype(np.str_)


def _score(table: Array, measured: Array, runs: Strings, groups: Strings) -> DelayScore | None:
    predicted, typical = np.empty(len(measured)), np.empty(len(measured))
    names = np.unique(groups)
    for name in names:
        left, rest = groups == name, groups != name
        if not rest.any():
            return None
        found = fit_relative(table[rest], measured[rest], row_weights(runs[rest]))
        predicted[left] = table[left] @ found
        typical[left] = np.median(measured[rest])
    off = np.abs(predicted / measured - 1)
    return DelayScore(
        median=rounded(float(np.median(off))),
        p90=rounded(float(np.quantile(off, 0.9))),
        constant=rounded(float(np.median(np.abs(typical / measured - 1)))),
        mae_us=rounded(float(np.abs(predicted - measured).mean())),
        groups=len(names),
    )
