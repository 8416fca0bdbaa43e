"""Predictions of one quantity beside its measured values, and what groups their rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from ...costmodel.steptime.features.steps import Array
from ...costmodel.steptime.rows.serving_rows import Places, ServingRows, Strings

_LATER: Final = 0.8  # the later rows are those beyond this share of all that have a time


@dataclass(frozen=True, slots=True)
class Predicted:
    """n predictions of `quantity`, in `unit`; arrays have shape (n,).

    `factor` is what a value of 90 % of such rows lies within, up or down; None where the model
    gives no interval. `baselines` are simpler predictions by name. `left_out` names the group
    without which each row's fit was made; None where that says no more than the other groups.
    """

    quantity: str
    unit: str
    rows: ServingRows
    predicted: Array
    measured: Array
    factor: Array | None
    baselines: dict[str, Array]
    left_out: Strings | None = None

    def groupings(self) -> dict[str, Strings]:
        """What groups the rows: the group of each row by the name of the grouping; "" for none."""
        rows = self.rows
        found = {
            "kind": np.where(rows.has_experts, "MoE models", "dense models"),
            "workload": rows.workload,
            "source": rows.source,
            "GPU": rows.gpu_names,
            "time": _by_time(rows.time_s),
        }
        return found if self.left_out is None else found | {"left out": self.left_out}


def together(rows: ServingRows, parts: Sequence[tuple[str, Places, Predicted]]) -> Predicted:
    """Predictions of some of `rows`, at least one, as one.

    A part is the group that it left out, the places of its rows, and their predictions.

    A factor or a baseline that a part lacks is left out of the whole.
    """
    names, places, made = zip(*parts, strict=True)
    factors = [one.factor for one in made if one.factor is not None]
    shared = set.intersection(*(set(one.baselines) for one in made))
    return Predicted(
        quantity=made[0].quantity,
        unit=made[0].unit,
        rows=rows.taken(np.concatenate(places)),
        predicted=np.concatenate([one.predicted for one in made]),
        measured=np.concatenate([one.measured for one in made]),
        factor=np.concatenate(factors) if len(factors) == len(made) else None,
        baselines={
            name: np.concatenate([one.baselines[name] for one in made])
            for name in made[0].baselines
            if name in shared
        },
        left_out=np.repeat(names, [len(one) for one in places]),
    )


def later(time_s: Array) -> Array:
    """1 for the last 20 % of the rows that have a time, 0 for the others, NaN without a time.

    Rows of one time stay together, so that the share may differ: the one nearest to 20 % is taken.
    All are 0 where all have one time.
    """
    known = np.isfinite(time_s)
    times, counts = np.unique(time_s[known], return_counts=True)
    if len(times) < 2:
        return np.where(known, 0.0, np.nan)
    before = np.cumsum(counts)[:-1] / counts.sum()
    first = times[1 + int(np.argmin(np.abs(before - _LATER)))]
    return np.where(known, (time_s >= first).astype(float), np.nan)


def _by_time(time_s: Array) -> Strings:
    parts = later(time_s)
    if not (parts == 1).any():
        return np.full(len(time_s), "")
    names = np.where(parts == 1, "last 20 %", "first 80 %")
    return np.where(np.isfinite(parts), names, "unknown time")
