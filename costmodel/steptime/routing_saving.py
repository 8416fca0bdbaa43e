"""What a routing policy saves of a whole model's step, beside the model's own routing."""

from dataclasses import dataclass, replace

import numpy as np

from ...store.errors import BadInput
from .features.deployment import Deployment
from .features.experts import decoding_experts
from .features.steps import Array, Steps
from .prediction.predict import StepPrediction


@dataclass(frozen=True, slots=True)
class RoutingSaving:
    """n steps by a policy beside those of the model's own routing; arrays have shape (n,).

    A layer activates `active` experts by the policy, and `own_active` by the model's own routing.
    `saved_us` is what a step takes less, `saved_share` its part of the own step. The part lies
    between `low_share` and `high_share` for 90 % of such steps, None where too few rows tell: the
    reading that is saved is counted, and the step that it is a part of is uncertain.
    `saved_j_per_token` is None where no row had power. All is predicted.
    """

    active: Array
    own_active: Array
    own_step_us: Array
    saved_us: Array
    saved_share: Array
    low_share: Array | None
    high_share: Array | None
    own_j_per_token: Array | None
    saved_j_per_token: Array | None


def own_routing(served: Deployment, steps: Steps, own_active: Array | None) -> Steps:
    """Steps with the active experts of the model's own routing; None: those that are expected.

    Raises BadInput for a model without routed experts, and for numbers that no routing gives.
    """
    if served.model.experts is None:
        raise BadInput(
            f"{served.model.name} has no routed experts, and active ones are given",
            hint="leave out --active-experts",
        )
    own = replace(steps, active_experts=own_active)
    return replace(own, active_experts=decoding_experts(served.model, own))


def saving_of(
    steps: Steps, found: StepPrediction, own_steps: Steps, own: StepPrediction
) -> RoutingSaving:
    """Compare predictions of the same steps by a policy, `found`, and by the `own` routing.

    Both name their active experts.
    """
    assert steps.active_experts is not None
    assert own_steps.active_experts is not None
    saved_us = own.step_us - found.step_us
    low = high = None
    if own.low_us is not None and own.high_us is not None:
        ends = saved_us / own.high_us, saved_us / own.low_us
        low, high = np.minimum(*ends), np.minimum(1.0, np.maximum(*ends))
    saved_j = None
    if own.j_per_token is not None and found.j_per_token is not None:
        saved_j = own.j_per_token - found.j_per_token
    return RoutingSaving(
        active=steps.active_experts,
        own_active=own_steps.active_experts,
        own_step_us=own.step_us,
        saved_us=saved_us,
        saved_share=saved_us / own.step_us,
        low_share=low,
        high_share=high,
        own_j_per_token=own.j_per_token,
        saved_j_per_token=saved_j,
    )
