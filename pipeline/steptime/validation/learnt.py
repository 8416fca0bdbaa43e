"""What a fit learns from rows that it leaves out itself: its ties, and how wide its intervals are.

As `steptime fit` learns it, but that models, types of GPU, engines and precisions are left out by
ten folds and not one by one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

import numpy as np

from ....costmodel.steptime.effects import joined
from ....costmodel.steptime.features.steps import Array
from ....costmodel.steptime.fit.factors import interval_factors, labels_by_kind
from ....costmodel.steptime.fit.folds import FOLDS, SEED, Labels, left_out, shuffled_folds
from ....costmodel.steptime.fit.left_out_energy import j_per_token, left_out_energy
from ....costmodel.steptime.fit.physics.design import Ties
from ....costmodel.steptime.fit.step_model import fit_tied
from ....costmodel.steptime.fit.targets import why_too_few
from ....costmodel.steptime.fit.ties import choose_ties
from ....costmodel.steptime.intervals import COVERAGE_PCT
from ....costmodel.steptime.rows.serving_rows import ServingRows, Strings

_CONFIGURATION: Final = "configuration"


@dataclass(frozen=True, slots=True)
class Learnt:
    """Ties, and by kind of what no row has the factor that 90 % of values lie within, up or down.

    The kinds are "configuration", "model", "GPU", "engine" and "precision"; those that too few rows
    tell are not there.
    """

    ties: Ties
    step: dict[str, float]
    power: dict[str, float]
    j_per_token: dict[str, float]

    @classmethod
    def of(cls, rows: ServingRows, tested: ServingRows) -> Self:
        """Learn from rows, for predictions of `tested` ones.

        A kind of which these have nothing new is not asked about.
        """
        ties = choose_ties(rows, SEED)
        fit = fit_tied(ties)
        at = np.flatnonzero(np.isfinite(rows.power_w))
        powered = rows.taken(at)
        known = _names(rows)
        new = {kind for kind, one in _names(tested).items() if not np.isin(one, known[kind]).all()}
        of_power = {} if why_too_few(powered, "power") else _folds(powered, new)
        learnt = cls(ties, {}, {}, {})
        for kind, labels in _folds(rows, new).items():
            left_us = left_out(rows, labels, fit)
            _keep(learnt.step, kind, left_us / rows.step_us)
            if kind in of_power:
                left = left_out_energy(powered, of_power[kind], left_us[at])
                measured_j = j_per_token(powered, powered.power_w, powered.step_us)
                _keep(learnt.power, kind, left.power_w / powered.power_w)
                _keep(learnt.j_per_token, kind, left.j_per_token / measured_j)
        return learnt


@dataclass(frozen=True, slots=True)
class Widest:
    """The factors of rows, by those of each kind of what no row of a fit has.

    `known` has the models, the GPUs, the precisions, and the engines on GPUs of a vendor, of the
    rows of the fit.
    """

    factors: Mapping[str, float]
    known: Mapping[str, Strings]

    @classmethod
    def of(cls, factors: Mapping[str, float], rows: ServingRows) -> Self:
        """For what a fit of rows predicts."""
        return cls(factors, _names(rows))

    def __call__(self, rows: ServingRows) -> Array | None:
        """The widest of a configuration's and of what is new, (n,); None where none is told."""
        if _CONFIGURATION not in self.factors:
            return None
        found = np.full(len(rows), self.factors[_CONFIGURATION])
        for kind, names in _names(rows).items():
            wider = np.maximum(found, self.factors.get(kind, 1.0))
            found = np.where(np.isin(names, self.known[kind]), found, wider)
        return found


def _names(rows: ServingRows) -> dict[str, Strings]:
    """What may be new of each row, by kind; an engine is new on GPUs of another vendor."""
    engines = joined(rows.engines, rows.vendors)
    return {
        "model": rows.models,
        "GPU": rows.gpu_names,
        "engine": engines,
        "precision": rows.stored_as,
    }


def _folds(rows: ServingRows, new: set[str]) -> dict[str, Labels]:
    """Folds of whole configurations, and of the kinds in `new` of which the rows have enough."""
    groups = {_CONFIGURATION: rows.configurations} | labels_by_kind(rows)
    asked = {_CONFIGURATION, *new}
    return {kind: shuffled_folds(one, FOLDS, SEED) for kind, one in groups.items() if kind in asked}


def _keep(factors: dict[str, float], kind: str, ratios: Array) -> None:
    """Keep what 90 % of further ratios lie within; ratios (n,) are of predicted to measured."""
    found = interval_factors(np.log(ratios)).get(COVERAGE_PCT)
    if found is not None:
        factors[kind] = found
