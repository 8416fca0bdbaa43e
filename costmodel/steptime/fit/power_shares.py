"""Build the power of `step_time_model.json`, with its errors on configurations that no fit saw."""

from collections.abc import Mapping

import numpy as np

from ....store.serving.step_time_model import EnergyScore, PowerShares
from ..digits import rounded, rounded_terms
from ..features.steps import Array
from ..power import TypicalPower
from ..rows.serving_rows import ServingRows
from .factors import interval_factors, labels_by_kind
from .folds import FOLDS, SEED, Labels, shuffled_folds
from .left_out_energy import j_per_token, left_out_energy
from .power import fit_power
from .step_fit import BuiltStep


def build_power(rows: ServingRows, steps: BuiltStep) -> PowerShares:
    """Fit those of n rows that have power; `steps` is the fit of all of them."""
    known = np.flatnonzero(np.isfinite(rows.power_w))
    powered = rows.taken(known)
    found, typical = fit_power(powered), TypicalPower.of(powered)
    labels = shuffled_folds(powered.configurations, FOLDS, SEED)
    left = _off(powered, labels, steps.left_us[known])
    unseen = {
        kind: _off(powered, one, steps.unseen_us[kind][known])
        for kind, one in labels_by_kind(powered).items()
    }
    return PowerShares(
        shares=rounded_terms(found.shares),
        by_gpu={name: rounded_terms(shares) for name, shares in found.by_gpu.items()},
        effects={name: rounded_terms(own) for name, own in found.effects.by_level.items()},
        typical_share=rounded(typical.share),
        typical_by_gpu=rounded_terms(typical.by_gpu),
        at_measured_step=_score(left[0], {kind: one[0] for kind, one in unseen.items()}),
        j_per_token=_score(left[1], {kind: one[1] for kind, one in unseen.items()}),
        rows=len(powered),
    )


def _off(rows: ServingRows, labels: Labels, left_us: Array) -> tuple[Array, Array]:
    """Predicted over measured power and J per token, by fits without the label; each (n,)."""
    left = left_out_energy(rows, labels, left_us)
    measured_j = j_per_token(rows, rows.power_w, rows.step_us)
    return left.power_w / rows.power_w, left.j_per_token / measured_j


def _score(ratio: Array, unseen: Mapping[str, Array]) -> EnergyScore:
    """By predicted over measured, of shape (n,)."""
    off = np.abs(ratio - 1)
    return EnergyScore(
        median=rounded(float(np.median(off))),
        p90=rounded(float(np.quantile(off, 0.9))),
        bias=rounded(float(np.median(ratio) - 1)),
        factors=interval_factors(np.log(ratio)),
        unseen_factors={kind: interval_factors(np.log(one)) for kind, one in unseen.items()},
    )
