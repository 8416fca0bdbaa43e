"""Steps of one deployment in microseconds: a closed form that is read off the vectorised one.

For one deployment a step is D(running) + running K(context) + prefill A(prompt) - W(prompt): D is a
table, K a line that bends where a window or sparse attention ends, A what a token of a prompt sees
on average, with a part that falls as one over the prompt beyond a window, and W falls as a power of
the prompt, as the experts that it does not reach do. Each is found by asking the vectorised
prediction, which is the only place where features are counted; a check on random steps says whether
the form holds (it does not for SRFA, whose terms are logarithms).
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, Self

import numpy as np

from .features.steps import Array, Steps

Predict = Callable[[Steps], Array]

_LONGEST: Final = 2.0**24  # tokens, beyond all windows
_CHECKED: Final = 64  # random steps
_TOLERANCE: Final = 1e-9
_MANY: Final = 1e6  # tokens of a prompt that reach every expert


@dataclass(frozen=True, slots=True)
class BentLine:
    """A continuous line from 0 on; `starts` are where its pieces begin, the first at 0."""

    starts: list[float]
    values: list[float]
    slopes: list[float]

    @classmethod
    def through(cls, of: Callable[[Array], Array], bends: Iterable[float]) -> Self:
        """Ask a function of shape (n,) to (n,) at 0, its bends and far beyond."""
        starts = [0.0, *sorted({bend for bend in bends if 0 < bend < _LONGEST})]
        values = of(np.asarray([*starts, _LONGEST])).tolist()
        ends = [*starts[1:], _LONGEST]
        rises = zip(starts, ends, values, values[1:], strict=False)
        slopes = [(high - low) / (end - start) for start, end, low, high in rises]
        return cls(starts, values[:-1], slopes)

    def __call__(self, at: float) -> float:
        """The value at `at`, 0 or more."""
        piece = bisect_right(self.starts, at) - 1 if len(self.starts) > 1 else 0
        return self.values[piece] + self.slopes[piece] * (at - self.starts[piece])


@dataclass(frozen=True, slots=True)
class MeanLine:
    """The mean of a BentLine over 0 to x: from each of `starts` on, a / x + b + c x."""

    starts: list[float]
    terms: list[tuple[float, float, float]]

    @classmethod
    def through(cls, of: Callable[[Array], Array], bends: Iterable[float]) -> Self:
        """Ask a function of shape (n,) to (n,) at three places of each piece."""
        starts = [0.0, *sorted({bend for bend in bends if 0 < bend < _LONGEST})]
        ends = [*starts[1:], _LONGEST]
        asked = [
            np.geomspace(start or end / 4, end, 3) for start, end in zip(starts, ends, strict=True)
        ]
        values = of(np.concatenate(asked)).reshape(-1, 3)
        terms = []
        for start, places, told in zip(starts, asked, values, strict=True):
            scaled = places / places[0]
            each = np.column_stack([1 / scaled, np.ones(3), scaled])
            over, level, slope = np.linalg.solve(each, told).tolist()
            first = over * places[0] if start else 0.0
            terms.append((float(first), level, float(slope / places[0])))
        return cls(starts, terms)

    def __call__(self, at: float) -> float:
        """The value at `at`, above 0."""
        piece = bisect_right(self.starts, at) - 1 if len(self.starts) > 1 else 0
        over, level, slope = self.terms[piece]
        return over / at + level + slope * at


@dataclass(frozen=True, slots=True)
class QuickForm:
    """Steps that hold prompts, or steps that decode alone; W is `gap_us` `base`^(prompt - 1)."""

    share: float
    running_us: list[float]
    context_us: BentLine
    token_us: MeanLine
    gap_us: float
    base: float

    @classmethod
    def of(cls, predict: Predict, most: int, bends: Iterable[int], *, prompts: bool) -> Self:
        """Read it off `predict`, for 0 to `most` requests; with or without `prompts`.

        `bends` are contexts at which what a layer attends to stops to grow.
        """
        share = float(prompts)
        contexts = tuple(map(float, bends))

        def ask(running: Array, context: Array, tokens: Array, prompt: Array) -> Array:
            return predict(Steps(running, context, tokens, prompt, np.full(len(running), share)))

        counts = np.arange(most + 1.0)
        far = np.full(len(counts), _MANY * share)
        running = ask(counts, 0 * counts, 0 * counts, far)

        def of_context(context: Array) -> Array:
            one = np.ones(len(context))
            return np.asarray(ask(one, context, 0 * one, far[: len(one)]) - running[1])

        def of_prompt(prompt: Array) -> Array:
            one = np.ones(len(prompt))
            return ask(one, 0 * one, 0 * one, share * prompt)

        def of_token(prompt: Array) -> Array:
            one = np.ones(len(prompt))
            whole = ask(one, 0 * one, one * share * _MANY, share * prompt)
            return np.asarray((whole - of_prompt(prompt)) / _MANY)

        gaps = running[1] - of_prompt(np.asarray([1.0, 2.0]))
        return cls(
            share=share,
            running_us=running.tolist(),
            context_us=BentLine.through(of_context, contexts),
            token_us=MeanLine.through(of_token, contexts),
            gap_us=float(gaps[0]),
            base=float(gaps[1] / gaps[0]) if gaps[0] > 0 else 0.0,
        )

    def step_us(
        self, running: int, context_tokens: float, prefill_tokens: float, prompt_tokens: float
    ) -> float:
        """One step of so many requests, at a mean context, with tokens of prompts."""
        step_us = self.running_us[running] + running * self.context_us(context_tokens)
        if not prefill_tokens:
            return step_us
        step_us += prefill_tokens * self.token_us(max(prompt_tokens, 1.0))
        if self.gap_us:
            step_us -= self.gap_us * self.base ** (max(prompt_tokens, 1.0) - 1.0)
        return step_us

    def agrees(self, predict: Predict) -> bool:
        """Whether it gives what `predict` gives on random steps, to 1e-9."""
        rng = np.random.default_rng(0)
        running = rng.integers(1, len(self.running_us), _CHECKED)
        context, prefill, prompt = np.exp(rng.uniform(0, np.log(3e5), (3, _CHECKED)))
        prefill, prompt = self.share * prefill, self.share * prompt
        share = np.full(_CHECKED, self.share)
        exact = predict(Steps(running.astype(float), context, prefill, prompt, share))
        each = (running.tolist(), context.tolist(), prefill.tolist(), prompt.tolist())
        quick = [self.step_us(*one) for one in zip(*each, strict=True)]
        return bool(np.allclose(quick, exact, rtol=_TOLERANCE, atol=0))
