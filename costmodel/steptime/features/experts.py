"""Routed experts that get a token."""

from typing import Final

import numpy as np

from ....stats.routing.distribution import UNIFORM, distribution
from ....store.errors import BadInput
from ....store.serving.whole_model import WholeModel
from .steps import Array, Steps

_ROUNDING: Final = 1e-6  # a rounded mean may lie so far beyond its bounds


def active_experts(model: WholeModel, tokens: Array, routing: str = UNIFORM) -> Array:
    """Expected experts of a layer that get one of `tokens`, of shape (n,), as the result.

    Tokens choose independently: E (1 - (1 - k/E)^tokens) for equal shares, as in
    stats/routing/distribution.py; one token takes exactly k.
    """
    if model.experts is None:
        return np.zeros(len(tokens))
    counts, chances = np.asarray(unreached(model, routing)).T
    some = np.maximum(tokens, 1.0)[:, None]
    return np.asarray(((1 - chances**some) * counts).sum(axis=1))


def unreached(model: WholeModel, routing: str = UNIFORM) -> tuple[tuple[float, float], ...]:
    """How many experts of a layer have which chance that a token goes to none of them.

    So many times the chance to the power of the tokens are the experts that get none.
    """
    if model.experts is None:
        return ()
    dealt = distribution(routing, model.experts.count, model.experts.top_k)
    shares, counts = np.unique(dealt.held_shares(), return_counts=True)
    return tuple(zip(counts.astype(float).tolist(), (1 - shares).tolist(), strict=True))


def decoding_experts(model: WholeModel, steps: Steps, routing: str = UNIFORM) -> Array:
    """Experts of a layer that the running requests activate, of shape (n,).

    Those that `steps` name, else those that `routing` is expected to give. Raises BadInput for a
    model without routed experts, and for a number that no routing of so many tokens gives.
    """
    if steps.active_experts is None:
        return active_experts(model, steps.running, routing)
    if (experts := model.experts) is None:
        raise BadInput(
            f"{model.name} has no routed experts, and active ones are given",
            hint="leave out --active-experts",
        )
    asked, running = steps.active_experts, steps.running
    most = np.minimum(experts.count, np.maximum(running, 1.0) * experts.top_k)
    within = (asked >= experts.top_k * (1 - _ROUNDING)) & (asked <= most * (1 + _ROUNDING))
    if not within.all():
        at, top_k = int(np.argmin(within)), experts.top_k
        raise BadInput(
            f"{asked[at]:g} active experts cannot be: {running[at]:g} tokens to {top_k} experts"
            f" each reach {top_k} to {most[at]:g} of {model.name}'s {experts.count}",
            hint="count the experts of one layer that get a token of the batch",
        )
    return asked
