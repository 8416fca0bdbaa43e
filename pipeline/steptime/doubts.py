"""What no row tells of steps that were predicted, in sentences."""

from collections.abc import Iterator
from typing import Final

import numpy as np

from ...costmodel.steptime.intervals import floor_us
from ...costmodel.steptime.known.target import KINDS
from .predict import Predicted, StepPrediction

_FORMS: Final = {
    "srfa": "SRFA predicts: its overhead may fall below 0, and a step as its batch grows; only the"
    " sum of the parts is a time",
    "blackbox": "the blackbox predicts, three coefficients per step, prompt token and request: it"
    " knows no model, GPU and split",
}


def doubts(found: Predicted) -> Iterator[str]:
    """Sentences on what no row tells of these steps."""
    steps, served = found.steps, found.memory.served
    if (form := _FORMS.get(steps.method)) is not None:
        yield form
    if steps.not_in_own_fit:
        named = ", ".join(steps.not_in_own_fit)
        own = KINDS["decode" if steps.target == "mean" else "mean"]
        yield f"predicted by the fit of {KINDS[steps.target]}: no row of {own} had the {named}"
    for name in steps.unseen:
        of_steps = f"no row of {KINDS[steps.target]} had the {name}"
        told = f"no row had {name}" if name.startswith("power") else of_steps
        yield f"{told}: the answer is extrapolated"
    for kind in steps.untold:
        yield f"rows are too few to tell how far a new {kind} is off: the interval may be short"
    if np.any(steps.step_us < (least_us := float(floor_us(served)[0]))):
        yield (
            f"steps of {float(steps.step_us.min()):,.4g} us and more are shorter than reading the"
            f" weights of one token once, {least_us:,.4g} us"
        )
    if beyond := ", ".join(_farthest(steps)):
        yield f"beyond the rows: {beyond}"
    for arithmetic in found.in_bf16:
        yield f"{served.gpu_name} has no {arithmetic} units: what is stored so is computed in bf16"
    if steps.kernel_weight == 0:
        yield "kernels do not count: the fit found no better steps with them"
    if found.not_in_rows:
        named = ", ".join(found.not_in_rows)
        yield f"counted, but in no row: {named}"


def _farthest(steps: StepPrediction) -> Iterator[str]:
    """Each column beyond the rows, by the step that is farthest out."""
    names = dict.fromkeys(name for columns in steps.beyond for name in sorted(columns))
    for name in names:
        found = [columns[name] for columns in steps.beyond if name in columns]
        times = [one for one in found if one is not None]
        if len(times) < len(found):
            yield f"{name} (no row had any)"
        elif (most := max(times)) > 1:
            yield f"{name} ({most:.3g} times their largest)"
        elif (least := min(times)) > 0:
            yield f"{name} ({least:.3g} times their smallest)"
        else:
            yield f"{name} (every row had some)"
