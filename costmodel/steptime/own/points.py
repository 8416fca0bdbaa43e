"""Steps of one deployment that a user measured: whether they can be, and how they move others."""

from dataclasses import dataclass, replace
from typing import Final, NamedTuple, Self

import numpy as np

from ....store.errors import BadInput
from ....store.serving.step_time_model import StepFit
from ..features.steps import Array, Steps
from ..rows.serving_rows import ServingRows
from .calibration import Spread
from .growing import StepsUs, growing_us

_NORMAL_90: Final = 1.645  # standard deviations
# A reason of the gate speaks of rows: above the roofline is what is too fast.
_TOLD: Final = {
    "above 1.15 x roofline": "too fast for reading its weights and cache, or for its arithmetic",
    "above 1.5 x roofline": "too fast for the arithmetic of its prompts",
}

_OVER_THE_LINK: Final = "too fast for reading its offloaded weights over the link of the host"


@dataclass(frozen=True, slots=True)
class OwnSteps:
    """Steps of the same deployment that were measured; us, of shape (n,).

    `source` names where they are from.
    """

    steps: Steps
    step_us: Array
    source: str = "own steps"


@dataclass(frozen=True, slots=True)
class Calibration:
    """What `points` different steps of one's own do to others; arrays have shape (n,).

    They multiply steps by `ratio`, and 90 % of these then lie within `factors`.
    """

    points: int
    ratio: Array
    factors: Array

    def or_narrower(self, factors: Array) -> Self:
        """The same, with what steps lie within without own ones where that is narrower."""
        return replace(self, factors=np.minimum(self.factors, factors))


def refuse_impossible(rows: ServingRows, offloaded_us: Array, source: str) -> None:
    """Raise BadInput for a step of `source` that its GPUs cannot have taken.

    `offloaded_us` are those of reading weights over the link of the host, (n,).
    """
    from ..rows.gate import physical_reasons  # loads pyarrow: not for a prediction alone

    reasons = physical_reasons(rows).astype(np.object_)
    reasons[(reasons == "") & (rows.step_us < offloaded_us)] = _OVER_THE_LINK
    for at in np.flatnonzero(reasons != ""):
        served, running = rows.deployments[rows.which[at]], rows.steps.running[at]
        why = next((told for name, told in _TOLD.items() if reasons[at].startswith(name)), "")
        raise BadInput(
            f"{source}: {rows.step_us[at]:,.0f} us of {running:,.0f} requests cannot be a step of"
            f" {served.model.name} on {served.gpus} x {served.gpu_name}: {why or reasons[at]}",
            hint="give us of one step, of this model, GPU, split and precision",
        )


class WorkPoints(NamedTuple):
    """Own steps of m different works: the mean log of measured over predicted of each, (m,).

    `scatter` is the variance of log ratios around the mean of their work; 0 without repeats.
    """

    steps: Steps
    log_ratios: Array
    scatter: float = 0.0


def once_each(own: OwnSteps, predicted_us: Array) -> WorkPoints:
    """Own steps of the same work as one, beside what was predicted of each, (n,)."""
    steps = own.steps
    work = np.column_stack([steps.running, steps.context_tokens, steps.prefill_tokens])
    _, first, place = np.unique(work, axis=0, return_index=True, return_inverse=True)
    place, ratios = place.reshape(-1), np.log(own.step_us / predicted_us)
    means = np.bincount(place, weights=ratios) / np.bincount(place)
    repeats = len(ratios) - len(first)
    scatter = float(np.sum((ratios - means[place]) ** 2)) / repeats if repeats else 0.0
    return WorkPoints(steps.taken(first), means, scatter)


def calibrated(
    fit: StepFit, own: WorkPoints, asked: Steps, factor: float, predicted_us: StepsUs
) -> Calibration:
    """Move `asked` steps by own ones and their log ratios, by how far configurations differ.

    `predicted_us` of steps is what they take without own ones; moved, they still grow with the
    requests that run. The ratio is that of the model's own routing. `factor` is what 90 % of the
    deployment's steps lie within without own ones: where it is wider than that of known models,
    GPUs and engines, so much wider is what is left.
    """
    # Repeats that part by more than the noise of the rows do say that single steps do so.
    noise = max(fit.spread.noise, own.scatter)
    spread = Spread(np.asarray(fit.spread.covariance), noise)
    line = spread.line(own.steps, own.log_ratios)
    plain = replace(asked, active_experts=None)

    def moved_us(steps: Steps) -> Array:
        return predicted_us(steps) * np.exp(line.log_ratio(steps))

    usual = fit.factors.get("90", factor)
    wider = max(1.0, np.log(factor) / np.log(usual)) if factor > usual > 1 else 1.0
    return Calibration(
        points=len(own.log_ratios),
        ratio=growing_us(moved_us, plain) / predicted_us(plain),
        factors=np.exp(_NORMAL_90 * wider * line.deviation(asked)),
    )


def is_expected(own_log_ratios: Array, factors: Array) -> bool:
    """Whether own steps all lie within the factors of their predictions; both (n,)."""
    return bool((np.abs(own_log_ratios) <= np.log(factors)).all())
