"""What is judged: a fit of steps and one of energy, from a file or from rows, and what they say."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Self

import numpy as np

from ...compare.steptime.predicted import Predicted
from ...costmodel.steptime.blackbox import Blackbox
from ...costmodel.steptime.features.steps import Array
from ...costmodel.steptime.fit.blackbox import fit_blackbox
from ...costmodel.steptime.fit.factors import interval_factors
from ...costmodel.steptime.fit.folds import left_out, shuffled_folds
from ...costmodel.steptime.fit.left_out_energy import j_per_token, left_out_energy
from ...costmodel.steptime.fit.power import fit_power
from ...costmodel.steptime.fit.step_model import fit_whole
from ...costmodel.steptime.intervals import energy_factors, step_factors
from ...costmodel.steptime.power import Power, TypicalPower
from ...costmodel.steptime.prediction import power_of, step_fit_of, step_model_of
from ...costmodel.steptime.roofline import roofline_us
from ...costmodel.steptime.rows.serving_rows import ServingRows, columns_of
from ...costmodel.steptime.step_model import StepModel
from ...store.serving.step_time_model import PowerShares, StepFit, StepTimeFile, Target

STEPS: Final[dict[Target, str]] = {"mean": "mean step", "decode": "step that decodes alone"}
POWER: Final = "power at the measured step"
ENERGY: Final = "J/token at the predicted step"
QUANTITIES: Final = (*STEPS.values(), POWER, ENERGY)
_COVERAGE_PCT: Final = "90"
FOLDS: Final = 10
SEED: Final = 0
_US_PER_MS: Final = 1e3
_TYPICAL: Final = "median power of the GPU's type"
Predict = Callable[[ServingRows], Array]


@dataclass(frozen=True, slots=True)
class JudgedSteps:
    """What predicts steps in us, and the blackbox of the same rows; None where that is what does.

    `factors` of rows, (n,), are what 90 % of such steps lie within; None where too few rows tell.
    """

    step_us: Predict
    blackbox_us: Predict | None
    factors: Callable[[ServingRows], Array | None]

    @classmethod
    def of_file(cls, file: StepTimeFile, target: Target) -> Self:
        """What a file says of a kind of step. Raises BadInput where it has no fit of it."""
        fit = step_fit_of(file, target)
        simpler = StepModel(Blackbox(dict(fit.baseline))).step_us
        return cls(
            step_model_of(file, target).step_us,
            None if fit.method == "blackbox" else simpler,
            lambda rows: step_factors(fit, rows),
        )

    @classmethod
    def fitted(cls, rows: ServingRows, left_us: Array) -> Self:
        """Fit rows, whose intervals are from steps that were predicted without them, (n,)."""
        factor = _factor(left_us / rows.step_us)
        return cls(fit_whole(rows), fit_blackbox(rows), lambda some: _factors(factor, len(some)))

    def predicted(self, target: Target, rows: ServingRows) -> Predicted:
        """Predict rows, at least one, of a kind of step."""
        return Predicted(
            quantity=STEPS[target],
            unit="ms",
            rows=rows,
            predicted=self.step_us(rows) / _US_PER_MS,
            measured=rows.step_us / _US_PER_MS,
            factor=self.factors(rows),
            baselines={
                name: step_us / _US_PER_MS for name, step_us in self.simpler_us(rows).items()
            },
        )

    def simpler_us(self, rows: ServingRows) -> dict[str, Array]:
        """Simpler predictions of each step, by name; us, of shape (n,)."""
        found = {"roofline": roofline_us(columns_of(rows))}
        return found if self.blackbox_us is None else found | {"blackbox": self.blackbox_us(rows)}


@dataclass(frozen=True, slots=True)
class JudgedEnergy:
    """What predicts power, the median power of a GPU's type, and the factors of 90 %.

    `energy_factors` gives those of J per token of each row; None: `energy_factor` for all.
    """

    power: Power
    typical: TypicalPower
    power_factor: float | None
    energy_factor: float | None
    energy_factors: Callable[[ServingRows], Array | None] | None = None

    @classmethod
    def of_file(cls, shares: PowerShares, fit: StepFit) -> Self:
        """What a file says of power, and of energy at the steps of its fit."""
        return cls(
            power_of(shares),
            TypicalPower(shares.typical_share, dict(shares.typical_by_gpu)),
            shares.at_measured_step.factors.get(_COVERAGE_PCT),
            shares.j_per_token.factors.get(_COVERAGE_PCT),
            lambda rows: energy_factors(shares, fit, rows),
        )

    @classmethod
    def fitted(cls, rows: ServingRows, left_us: Array) -> Self:
        """Fit rows of measured power; the intervals are as those of steps."""
        labels = shuffled_folds(rows.configurations, FOLDS, SEED)
        left = left_out_energy(rows, labels, left_us)
        measured_j = j_per_token(rows, rows.power_w, rows.step_us)
        factors = (_factor(left.power_w / rows.power_w), _factor(left.j_per_token / measured_j))
        return cls(fit_power(rows), TypicalPower.of(rows), *factors)

    def predicted(self, rows: ServingRows, steps: JudgedSteps) -> tuple[Predicted, Predicted]:
        """Predict power at the measured steps, and J per token at the steps that are predicted.

        Simpler predictions of J per token are the median power of the GPU's type over each
        prediction of the step.
        """
        step_us = steps.step_us(rows)
        typical_w = self.typical.power_w(rows)
        power = Predicted(
            quantity=POWER,
            unit="W",
            rows=rows,
            predicted=self.power.power_w(rows, rows.step_us),
            measured=rows.power_w,
            factor=_factors(self.power_factor, len(rows)),
            baselines={_TYPICAL: typical_w},
        )
        energy = Predicted(
            quantity=ENERGY,
            unit="J",
            rows=rows,
            predicted=j_per_token(rows, self.power.power_w(rows, step_us), step_us),
            measured=j_per_token(rows, rows.power_w, rows.step_us),
            factor=self._factors_of_energy(rows),
            baselines={
                name: j_per_token(rows, typical_w, other_us)
                for name, other_us in {_TYPICAL: step_us, **steps.simpler_us(rows)}.items()
            },
        )
        return power, energy

    def _factors_of_energy(self, rows: ServingRows) -> Array | None:
        if self.energy_factors is None:
            return _factors(self.energy_factor, len(rows))
        return self.energy_factors(rows)


def left_out_us(rows: ServingRows) -> Array:
    """Predict each step by a fit without its fold of configurations; us, of shape (n,)."""
    return left_out(rows, shuffled_folds(rows.configurations, FOLDS, SEED), fit_whole)


def _factor(ratios: Array) -> float | None:
    """What 90 % of further ratios lie within, up or down."""
    return interval_factors(np.log(ratios)).get(_COVERAGE_PCT)


def _factors(factor: float | None, count: int) -> Array | None:
    return None if factor is None else np.full(count, factor)
