"""One step of a known configuration in microseconds: a quick form, moved by its own form."""

from dataclasses import dataclass
from math import exp, log

from ....store.serving.own_forms import OwnForm
from ..own.calibration import CENTRE, LEAST_PREFILL
from .closed_form import Predict, QuickForm, agree
from .srfa import QuickSrfa


@dataclass(frozen=True, slots=True)
class QuickKnown:
    """Steps by all rows, `pooled`, moved by the `own` form of a configuration.

    That knows no prompts (KnownForms.without_prompts). `added` are us that no fit knows of; at most
    `most` requests run.
    """

    pooled: QuickForm | QuickSrfa
    own: OwnForm
    added: QuickForm | None
    most: int

    def step_us(
        self, running: int, context_tokens: float, prefill_tokens: float, prompt_tokens: float
    ) -> float:
        """One step of so many requests, at a mean context, with tokens of prompts."""
        work = (running, context_tokens, prefill_tokens, prompt_tokens)
        step_us = self.pooled.step_us(*work) * self._ratio(running, context_tokens)
        return step_us if self.added is None else step_us + self.added.step_us(*work)

    def _ratio(self, running: int, context: float) -> float:
        """What own/forms.py gives: the step by the own form over the pooled one, in its range."""
        own = self.own
        (least, most), (shortest, longest), (fewest, _) = own.domain
        requests = min(max(running, least), most)
        context = min(max(context, shortest), longest)
        if own.form == "line":
            level, by_batch, by_context, by_prefill = own.coefficients
            return exp(
                level
                + by_batch * log(requests / CENTRE[0])
                + by_context * log(context / CENTRE[1])
                + by_prefill * log(fewest + LEAST_PREFILL)
            )
        step, _, of_request = own.coefficients
        pooled_us = self.pooled.step_us(int(requests), context, 0.0, 0.0)
        return (step + of_request * requests) / pooled_us

    def agrees(self, predict: Predict) -> bool:
        """Whether it gives what `predict` gives on random steps, to 1e-9."""
        return agree(self.step_us, predict, self.most)


@dataclass(frozen=True, slots=True)
class QuickShorter:
    """The shorter of two steps, of at most `most` requests."""

    one: "QuickForm | QuickSrfa | QuickKnown | QuickShorter"
    other: "QuickForm | QuickSrfa | QuickKnown | QuickShorter"
    most: int

    def step_us(
        self, running: int, context_tokens: float, prefill_tokens: float, prompt_tokens: float
    ) -> float:
        """One step of so many requests, at a mean context, with tokens of prompts."""
        work = (running, context_tokens, prefill_tokens, prompt_tokens)
        return min(self.one.step_us(*work), self.other.step_us(*work))

    def agrees(self, predict: Predict) -> bool:
        """Whether it gives what `predict` gives on random steps, to 1e-9."""
        return agree(self.step_us, predict, self.most)
