"""Which fit predicts steps: that of mean steps, or that of steps that decode alone.

Fits have different rows. Steps that decode alone are those of a mean step without prompts, so that
the fit of mean steps tells them too. The physics of such steps is drawn to that of mean steps, of
which it has what prompts take, so that it tells mean steps as well.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np

from ....store.serving.step_time_model import StepFit, StepTimeFile, Target
from ..features.deployment import Deployment
from ..features.steps import Steps
from .asked import asked_of

KINDS: Final[Mapping[Target, str]] = {"mean": "mean steps", "decode": "steps that decode alone"}
_FIRST: Final = ("engine", "precision", "GPU", "model")  # what counts before what


def target_of(file: StepTimeFile, served: Deployment, steps: Steps) -> Target:
    """The kind of step whose fit predicts these steps of a deployment.

    Each has its own fit, unless that has no row of the engine and the other has; where both or
    neither have, the precision, the GPU and the model count in this order.
    """
    decode, mean = file.steps.get("decode"), file.steps.get("mean")
    if not steps.prefill_tokens.any():
        is_mean = decode is None or (mean is not None and _better_known(mean, decode, served))
        return "mean" if is_mean else "decode"
    if decode is None or decode.physics is None or mean is None:
        return "mean"
    return "decode" if _better_known(decode, mean, served) else "mean"


def single_target_of(file: StepTimeFile, served: Deployment, *, prompts: bool) -> Target:
    """The kind of step whose fit predicts single steps of a deployment, with or without `prompts`.

    Both have the fit of those that decode alone, from which a step with few tokens of prompts
    differs little; other forms than the physics tell prompts by mean steps alone.
    """
    alone = target_of(file, served, Steps.decode(np.ones(1), np.ones(1)))
    fit = file.steps.get(alone)
    tells_prompts = fit is not None and fit.physics is not None and "mean" in file.steps
    return "mean" if prompts and not tells_prompts else alone


def is_bounded(file: StepTimeFile, served: Deployment) -> bool:
    """Whether the fit of mean steps tells how long steps that decode alone are at most.

    It does where it knows the deployment as well: a mean step holds prompts beside.
    """
    decode, mean = file.steps.get("decode"), file.steps.get("mean")
    if decode is None or mean is None or decode.physics is None or mean.physics is None:
        return False
    return not _better_known(decode, mean, served)


def unknown_to_own_fit(
    file: StepTimeFile, target: Target, served: Deployment, steps: Steps
) -> tuple[str, ...]:
    """What only `target`'s fit has rows of, where it predicts steps of the other kind.

    Empty where no other fit could.
    """
    own: Target = "mean" if steps.prefill_tokens.any() else "decode"
    if own == target or own not in file.steps or target not in file.steps:
        return ()
    named = {one.kind: one.name for one in asked_of(file.steps[target], served)}
    in_target, in_own = (_known(file.steps[one], served) for one in (target, own))
    return tuple(f"{kind} {named[kind]}" for kind in _FIRST if in_target[kind] and not in_own[kind])


def _better_known(fit: StepFit, other: StepFit, served: Deployment) -> bool:
    """Whether the first kind of which one has rows, and one has not, is that of `fit`."""
    own, others = _known(fit, served), _known(other, served)
    return [own[kind] for kind in _FIRST] > [others[kind] for kind in _FIRST]


def _known(fit: StepFit, served: Deployment) -> dict[str, bool]:
    """By kind, whether the fit has rows of it; a file of before 2.2 names no precision."""
    return dict.fromkeys(_FIRST, False) | {one.kind: one.is_known for one in asked_of(fit, served)}
