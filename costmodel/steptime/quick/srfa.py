"""SRFA's steps of one deployment in microseconds: features are counted once, and read off tables.

All times of a batch are those of closed_form.py; logarithms, the share of prompts and softplus are
computed at each call.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import log1p
from typing import Self

import numpy as np

from ..features.deployment import Deployment
from ..features.steps import Array, Steps
from ..rows.serving_rows import ServingRows
from ..srfa.features import COMPUTED, FIXED, MOE, srfa_columns
from ..srfa.form import Srfa, softplus_of
from .closed_form import Predict, QuickForm, agree

RowsOf = Callable[[Steps], ServingRows]


@dataclass(frozen=True, slots=True)
class QuickSrfa:
    """What stands outside of softplus, the times within it, and the coefficients of the rest."""

    outside: QuickForm
    times: QuickForm
    log_batch_us: float
    log_context_us: float
    mixed_batch_us: float

    @classmethod
    def of(
        cls,
        srfa: Srfa,
        rows_of: RowsOf,
        added_us: Predict,
        served: Deployment,
        most: int,
    ) -> Self:
        """For 0 to `most` requests; `added_us` are parts that no fit knows of."""
        rest = ("log_batch", "log_context", "mixed_batch")
        times = _sum_of(srfa, [name for name in COMPUTED if name not in rest], rows_of)
        fixed = _sum_of(srfa, [*FIXED, MOE], rows_of)

        def outside(steps: Steps) -> Array:
            return fixed(steps) + added_us(steps)

        return cls(
            QuickForm.of(outside, served, most),
            QuickForm.of(times, served, most),
            *(srfa.beta[name] for name in rest),
        )

    def step_us(
        self, running: int, context_tokens: float, prefill_tokens: float, prompt_tokens: float
    ) -> float:
        """One step of so many requests, at a mean context, with tokens of prompts."""
        within = (running, context_tokens, prefill_tokens, prompt_tokens)
        prefill = prefill_tokens / (running + prefill_tokens) if prefill_tokens else 0.0
        inner = (
            self.times.step_us(*within)
            + self.log_batch_us * log1p(running)
            + self.log_context_us * log1p(context_tokens)
            + self.mixed_batch_us * prefill * (1 - prefill)
        )
        return self.outside.step_us(*within) + softplus_of(inner)

    def agrees(self, predict: Predict) -> bool:
        """Whether it gives what `predict` gives on random steps, to 1e-9."""
        return agree(self.step_us, predict, len(self.times.running_us) - 1)


def _sum_of(srfa: Srfa, names: Iterable[str], rows_of: RowsOf) -> Predict:
    """What these features add up to."""
    known = {**srfa.gamma, MOE: srfa.moe_scalar, **srfa.beta}
    chosen = tuple(names)

    def sum_us(steps: Steps) -> Array:
        features = srfa_columns(rows_of(steps))
        return np.asarray(sum(known[name] * features[name] for name in chosen))

    return sum_us
