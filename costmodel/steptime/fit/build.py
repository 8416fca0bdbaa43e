"""Build `step_time_model.json` from rows that passed the gate; the bytes are the rows' alone."""

from collections.abc import Mapping
from typing import Final

import numpy as np

from ....stats.conformal import COVERAGES_PCT, conformal_quantile
from ....store.errors import BadInput
from ....store.serving.step_time_model import (
    FormScore,
    OwnSpread,
    PowerShares,
    StepTimeFile,
    Terms,
)
from ..calibration import Spread
from ..effects import joined
from ..features.steps import Array
from ..physics import OVERHEADS
from ..rows.gate import Refused
from ..rows.serving_rows import ServingRows, columns_of
from .blackbox import fit_blackbox
from .folds import Fit, left_out, shuffled_folds
from .power import fit_power
from .srfa import choose_ridges, fit_with
from .step_model import fit_step_model, fit_whole

_FOLDS: Final = 10
_SEED: Final = 0
_DIGITS: Final = 10  # beyond which sums of floats depend on the processor
_FEWEST_ROWS: Final = 30
_FEWEST_CONFIGURATIONS: Final = 5
_COUNTED: Final = (
    *OVERHEADS, "moe_layers", "latent_layers", "sparse_layers", "linear_layers",
    "all_reduce_rounds", "all_to_all_rounds",
)  # fmt: skip
_SUMS: Final = (("layers", "requests", "steps"), ("prefill_weights", "prefill_layers"))


def build_step_time(rows: ServingRows, refused: Refused, files: Mapping[str, str]) -> StepTimeFile:
    """Fit rows of mean steps; every form is scored by ten grouped folds.

    Raises BadInput where more than half of the rows were refused, and for fewer than 30 rows or 5
    configurations.
    """
    refused.require_most()
    rows = rows.taken(np.flatnonzero(np.isfinite(rows.step_us)))
    configurations = len(np.unique(rows.configurations))
    if len(rows) < _FEWEST_ROWS or configurations < _FEWEST_CONFIGURATIONS:
        raise BadInput(
            f"{len(rows)} rows of {configurations} configurations are too few for a fit",
            hint=f"give {_FEWEST_ROWS} rows of {_FEWEST_CONFIGURATIONS} configurations or more",
        )
    labels = shuffled_folds(rows.configurations, _FOLDS, _SEED)
    left = left_out(rows, labels, fit_whole)
    ratios = np.log(rows.step_us / left)
    cells = joined(rows.configurations, rows.version, rows.source)
    model = fit_step_model(rows)
    return StepTimeFile(
        coefficients=_rounded(model.physics.coefficients),
        by_engine={name: _rounded(terms) for name, terms in model.physics.by_engine.items()},
        units={name: "us" if name in _COUNTED else "1" for name in columns_of(rows)},
        only_as_sum=_SUMS,
        effects={name: _rounded(level) for name, level in model.effects.by_level.items()},
        models=tuple({one.model.name: one.model for one in rows.deployments}.values()),
        gpus=tuple(sorted(model.effects.gpus)),
        domain=_domain(rows),
        factors=_factors(ratios),
        spread=_spread(Spread.fitted(rows.steps, ratios, cells)),
        power=_power(rows),
        scores=_scores(rows, labels, left),
        rows=len(rows),
        configurations=configurations,
        refused=refused.by_reason,
        files=dict(files),
    )


def _scores(rows: ServingRows, labels: Array, left: Array) -> dict[str, FormScore]:
    """The error of every form on the same folds."""
    others: dict[str, Fit] = {
        "srfa": fit_with(choose_ridges(rows, _SEED)),
        "blackbox": fit_blackbox,
    }
    found = {name: left_out(rows, labels, fit) for name, fit in others.items()}
    scores = {}
    for name, predicted in {"physics": left, **found}.items():
        off = np.abs(predicted / rows.step_us - 1)
        median, p90 = (_round(float(np.quantile(off, at))) for at in (0.5, 0.9))
        scores[name] = FormScore(median, p90, len(off))
    return scores


def _factors(ratios: Array) -> dict[str, float]:
    """By coverage in percent, the factor within which left-out steps lie."""
    ascending = np.sort(np.abs(ratios))
    quantiles = {percent: conformal_quantile(ascending, percent) for percent in COVERAGES_PCT}
    return {
        str(percent): _round(float(np.exp(value)))
        for percent, value in quantiles.items()
        if value is not None
    }


def _domain(rows: ServingRows) -> dict[str, tuple[float, float]]:
    return {
        name: (_round(float(values.min())), _round(float(values.max())))
        for name, values in columns_of(rows).items()
    }


def _power(rows: ServingRows) -> PowerShares | None:
    if not np.isfinite(rows.power_w).any():
        return None
    powered = rows.taken(np.flatnonzero(np.isfinite(rows.power_w)))
    found = fit_power(powered)
    by_gpu = {name: _rounded(shares) for name, shares in found.by_gpu.items()}
    return PowerShares(_rounded(found.shares), by_gpu, len(powered))


def _spread(found: Spread) -> OwnSpread:
    rows = tuple(tuple(_round(float(value)) for value in row) for row in found.covariance)
    return OwnSpread(rows, _round(found.noise))


def _rounded(terms: Mapping[str, float]) -> Terms:
    return {name: _round(value) for name, value in sorted(terms.items())}


def _round(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")
