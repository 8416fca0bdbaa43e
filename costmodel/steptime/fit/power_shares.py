"""Build the power of `step_time_model.json`, with its errors on configurations that no fit saw."""

from typing import Final

import numpy as np

from ....store.serving.step_time_model import EnergyScore, PowerShares
from ..features.steps import Array
from ..rows.serving_rows import ServingRows
from ..typical_power import TypicalPower
from .digits import rounded, rounded_terms
from .factors import interval_factors
from .folds import shuffled_folds
from .left_out_energy import j_per_token, left_out_energy
from .power import fit_power

_FOLDS: Final = 10
_SEED: Final = 0


def build_power(rows: ServingRows, left_us: Array) -> PowerShares:
    """Fit those of n rows that have power; `left_us` (n,) are their steps as no fit saw them."""
    known = np.flatnonzero(np.isfinite(rows.power_w))
    powered, left_us = rows.taken(known), left_us[known]
    found, typical = fit_power(powered), TypicalPower.of(powered)
    labels = shuffled_folds(powered.configurations, _FOLDS, _SEED)
    left = left_out_energy(powered, labels, left_us)
    measured_j = j_per_token(powered, powered.power_w, powered.step_us)
    return PowerShares(
        shares=rounded_terms(found.shares),
        by_gpu={name: rounded_terms(shares) for name, shares in found.by_gpu.items()},
        effects={name: rounded_terms(own) for name, own in found.effects.by_level.items()},
        typical_share=rounded(typical.share),
        typical_by_gpu=rounded_terms(typical.by_gpu),
        at_measured_step=_score(left.power_w / powered.power_w),
        j_per_token=_score(left.j_per_token / measured_j),
        rows=len(powered),
    )


def _score(ratio: Array) -> EnergyScore:
    """By predicted over measured, of shape (n,)."""
    off = np.abs(ratio - 1)
    return EnergyScore(
        median=rounded(float(np.median(off))),
        p90=rounded(float(np.quantile(off, 0.9))),
        bias=rounded(float(np.median(ratio) - 1)),
        factors=interval_factors(np.log(ratio)),
    )
