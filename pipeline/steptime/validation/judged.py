"""What is judged: a fit of steps and one of energy, from a file or from rows, and what they say."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Self

from ....compare.steptime.predicted import Predicted
from ....costmodel.steptime.blackbox import Blackbox
from ....costmodel.steptime.features.steps import Array
from ....costmodel.steptime.fit.blackbox import fit_blackbox
from ....costmodel.steptime.fit.left_out_energy import j_per_token
from ....costmodel.steptime.fit.power import fit_power
from ....costmodel.steptime.fit.step_model import fit_tied
from ....costmodel.steptime.intervals import energy_factors, power_factors, step_factors
from ....costmodel.steptime.power import Power, TypicalPower
from ....costmodel.steptime.prediction.from_file import power_of, step_fit_of, step_model_of
from ....costmodel.steptime.roofline import roofline_us
from ....costmodel.steptime.rows.serving_rows import ServingRows, columns_of
from ....costmodel.steptime.step_model import StepModel
from ....store.serving.step_time_model import PowerShares, StepFit, StepTimeFile, Target
from .learnt import Learnt, Widest

STEPS: Final[dict[Target, str]] = {"mean": "mean step", "decode": "step that decodes alone"}
POWER: Final = "power at the measured step"
ENERGY: Final = "J/token at the predicted step"
QUANTITIES: Final = (*STEPS.values(), POWER, ENERGY)
_US_PER_MS: Final = 1e3
_TYPICAL: Final = "median power of the GPU's type"
Predict = Callable[[ServingRows], Array]
# Rows to the factor that 90 % of values like each lie within, (n,); None where any is unknown.
Factors = Callable[[ServingRows], Array | None]


@dataclass(frozen=True, slots=True)
class JudgedSteps:
    """What predicts steps in us, and the blackbox of the same rows; None where that is what does.

    `factors` of rows, (n,), are what 90 % of such steps lie within; None where too few rows tell.
    """

    step_us: Predict
    blackbox_us: Predict | None
    factors: Factors

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
    def fitted(cls, rows: ServingRows, learnt: Learnt) -> Self:
        """Fit rows, with the ties and the factors that were learnt from them or some of them."""
        return cls(
            fit_tied(learnt.ties)(rows),
            fit_blackbox(rows),
            Widest.of(learnt.step, rows),
        )

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
    """What predicts power, the median power of a GPU's type, and what 90 % lie within."""

    power: Power
    typical: TypicalPower
    power_factors: Factors
    energy_factors: Factors

    @classmethod
    def of_file(cls, shares: PowerShares, fit: StepFit) -> Self:
        """What a file says of power; `fit` is that of its mean steps."""
        return cls(
            power_of(shares),
            TypicalPower(shares.typical_share, dict(shares.typical_by_gpu)),
            lambda rows: power_factors(shares, fit, rows),
            lambda rows: energy_factors(shares, fit, rows, step_factors(fit, rows)),
        )

    @classmethod
    def fitted(cls, rows: ServingRows, learnt: Learnt) -> Self:
        """Fit rows of measured power, with the factors that were learnt as those of steps were."""
        return cls(
            fit_power(rows),
            TypicalPower.of(rows),
            Widest.of(learnt.power, rows),
            Widest.of(learnt.j_per_token, rows),
        )

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
            factor=self.power_factors(rows),
            baselines={_TYPICAL: typical_w},
        )
        energy = Predicted(
            quantity=ENERGY,
            unit="J",
            rows=rows,
            predicted=j_per_token(rows, self.power.power_w(rows, step_us), step_us),
            measured=j_per_token(rows, rows.power_w, rows.step_us),
            factor=self.energy_factors(rows),
            baselines={
                name: j_per_token(rows, typical_w, other_us)
                for name, other_us in {_TYPICAL: step_us, **steps.simpler_us(rows)}.items()
            },
        )
        return power, energy
