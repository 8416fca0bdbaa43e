"""What steps of a configuration differ by: requests, context, prompts; and in what range."""

from dataclasses import replace
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..features.steps import Array, Steps

Range = tuple[float, float]
# Running requests, context and prefill per request.
Ranges = tuple[Range, Range, Range]
_ROUNDED: Final = 1e-9  # a file may round a range by so much


class Conditions(NamedTuple):
    """Running requests, tokens of context, and prefill tokens per running request; each (n,)."""

    running: Array
    context_tokens: Array
    prefill_per_request: Array

    @classmethod
    def of(cls, steps: Steps) -> "Conditions":
        """Those of steps; a step of prompts alone counts as one of a request."""
        running = np.maximum(steps.running, 1.0)
        return cls(steps.running, steps.context_tokens, steps.prefill_tokens / running)

    def ranges(self) -> Ranges:
        """The smallest and the largest of each; of requests whole numbers, 1 or more."""
        running, context, prefill = ((float(one.min()), float(one.max())) for one in self)
        least = max(1.0, float(np.floor(running[0])))
        return (least, max(least, float(np.ceil(running[1])))), context, prefill

    def inside(self, ranges: Ranges) -> NDArray[np.bool_]:
        """Whether each step is in all ranges; bool of shape (n,)."""
        within = [
            (values >= least * (1 - _ROUNDED)) & (values <= most * (1 + _ROUNDED))
            for values, (least, most) in zip(self, ranges, strict=True)
        ]
        return np.asarray(np.all(within, axis=0))


def clipped_steps(steps: Steps, ranges: Ranges) -> Steps:
    """The steps moved to the nearest of `ranges`; with the experts of the model's own routing.

    Fewer or more requests bring so many fewer or more prompts; where prompts are moved to more or
    fewer tokens for a request, each is so much longer or shorter.
    """
    found = Conditions.of(steps)
    running, context, prefill = (
        np.clip(values, *limits) for values, limits in zip(found, ranges, strict=True)
    )
    longer = prefill / np.where(steps.prefill_tokens > 0, found.prefill_per_request, np.inf)
    fewer = running / np.maximum(found.running, 1.0)
    return replace(
        steps,
        prefill_share=np.minimum(1.0, steps.prefill_share * fewer),
        prompt_tokens=steps.prompt_tokens * np.where(longer > 0, longer, 1.0),
        running=running,
        context_tokens=context,
        prefill_tokens=prefill * running,
        active_experts=None,
    )
