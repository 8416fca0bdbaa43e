"""Steps of one deployment in microseconds: a closed form that is read off the vectorised one.

For one deployment a step is D(running) + N(running) K(context) where all requests decode. With t
tokens of prompts it is longer by t A(prompt) + min(1, t / WHOLE_TOKENS) (X(running) - U(running)
R(t)). D, X and U are tables, and so is N, the requests of the fullest data-parallel group; K and A
are a + b x + c / x between the ends of windows, chunks and sparse attention, as means of what is
attended to are; R is the share of experts that t tokens do not reach, beside that of one token.
Each is found by asking the vectorised prediction, where features are counted; a check on random
steps says whether the form holds.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, Self

import numpy as np

from ..features.columns import fullest_group
from ..features.deployment import Deployment
from ..features.experts import unreached
from ..features.steps import WHOLE_TOKENS, Array, Steps

Predict = Callable[[Steps], Array]
# Running requests, their mean context, tokens of prompts and their mean length; us.
QuickSteps = Callable[[int, float, float, float], float]

_LONGEST: Final = 2.0**22  # tokens, beyond all windows
_CHECKED: Final = 64  # random steps
_TOLERANCE: Final = 1e-9
_MANY: Final = 1e6  # tokens of prompts that reach every expert


@dataclass(frozen=True, slots=True)
class Pieces:
    """A function of 0 on, a + b x + c / x in each piece; `ends` are those of all but the last."""

    ends: list[float]
    terms: list[tuple[float, float, float]]

    @classmethod
    def of(cls, function: Callable[[Array], Array], ends: Iterable[float]) -> Self:
        """Ask a function of shape (n,) to (n,) at three places of each piece."""
        bounds = sorted({end for end in ends if 1 < end < _LONGEST})
        first, last = np.asarray([0.0, *bounds]), np.asarray([*bounds, _LONGEST])
        places = np.geomspace(first + 1, last, 3, axis=1)
        basis = np.stack([np.ones(places.shape), places, 1 / places], axis=2)
        values = function(places.reshape(-1)).reshape(places.shape)
        found = np.linalg.solve(basis, values[..., None])[..., 0]
        return cls(bounds, [(a, b, c) for a, b, c in found.tolist()])

    def __call__(self, at: float) -> float:
        """The value at `at`, which counts as 1 below."""
        a, b, c = self.terms[bisect_left(self.ends, at) if self.ends else 0]
        return a + b * at + c / max(at, 1.0)


@dataclass(frozen=True, slots=True)
class QuickForm:
    """Steps that decode alone, and those with prompts.

    By the number of running requests, `running_us` has D, `prompts_us` X, `unread_us` U and
    `in_group` N. `unreached` are (weight, chance): R is the sum of weight chance^tokens.
    """

    running_us: list[float]
    prompts_us: list[float]
    unread_us: list[float]
    in_group: list[float]
    context_us: Pieces
    token_us: Pieces
    unreached: tuple[tuple[float, float], ...]

    @classmethod
    def of(cls, predict: Predict, served: Deployment, most: int) -> Self:
        """Read it off `predict`, for 0 to `most` requests."""
        model = served.model
        contexts: tuple[float, ...] = (float(model.window_tokens), float(model.sparse_tokens))
        if model.chunked:
            # The last chunk may be short: there is a piece for each number of chunks.
            chunk = float(model.window_tokens)
            contexts = (*contexts, *np.arange(chunk, _LONGEST, chunk).tolist())

        def ask(running: Array, context: float | Array, tokens: float, prompt: Array) -> Array:
            some = np.ones(len(running))
            share = some * (tokens > 0)
            return predict(Steps(running, context * some, tokens * some, prompt, share))

        def of_token(prompt: Array) -> Array:
            one = np.ones(len(prompt))
            many, twice = (ask(one, 0.0, tokens, prompt) for tokens in (_MANY, 2 * _MANY))
            return np.asarray((twice - many) / _MANY)

        def of_context(context: Array) -> Array:
            one = np.ones(len(context))
            return np.asarray(ask(one, context, 0.0, one) - ask(one, 0.0, 0.0, one))

        counts = np.arange(most + 1.0)
        ones, each_us = np.ones(len(counts)), float(of_token(np.ones(1))[0])
        alone, one, many = (ask(counts, 0.0, tokens, ones) for tokens in (0.0, 1.0, _MANY))
        prompts_us = many - alone - _MANY * each_us
        unread_us = prompts_us - WHOLE_TOKENS * (one - alone - each_us)
        return cls(
            running_us=alone.tolist(),
            prompts_us=prompts_us.tolist(),
            unread_us=unread_us.tolist(),
            in_group=fullest_group(served, counts).tolist(),
            context_us=Pieces.of(of_context, contexts),
            token_us=Pieces.of(of_token, contexts),
            unreached=_unreached(served),
        )

    def step_us(
        self, running: int, context_tokens: float, prefill_tokens: float, prompt_tokens: float
    ) -> float:
        """One step of so many requests, at a mean context, with tokens of prompts."""
        context_us = self.context_us(context_tokens)
        step_us = self.running_us[running] + self.in_group[running] * context_us
        if not prefill_tokens:
            return step_us
        beside_us = self.prompts_us[running]
        for weight, chance in self.unreached:
            beside_us -= self.unread_us[running] * weight * chance ** max(prefill_tokens, 1.0)
        step_us += min(1.0, prefill_tokens / WHOLE_TOKENS) * beside_us
        return step_us + prefill_tokens * self.token_us(prompt_tokens)

    def agrees(self, predict: Predict) -> bool:
        """Whether it gives what `predict` gives on random steps, to 1e-9."""
        return agree(self.step_us, predict, len(self.running_us) - 1)


def agree(quick: QuickSteps, predict: Predict, most: int) -> bool:
    """Whether both give the same, to 1e-9, on random steps of up to `most` requests.

    Every other step holds prompts.
    """
    rng = np.random.default_rng(0)
    running = rng.integers(1, most + 1, _CHECKED)
    context, prefill, prompt = np.exp(rng.uniform(0, np.log(3e5), (3, _CHECKED)))
    share = np.arange(_CHECKED, dtype=np.float64) % 2
    prefill, prompt = share * prefill, share * prompt
    steps = Steps(running.astype(float), context, prefill, prompt, share)
    each = (running.tolist(), context.tolist(), prefill.tolist(), prompt.tolist())
    told = [quick(*one) for one in zip(*each, strict=True)]
    return bool(np.allclose(told, predict(steps), rtol=_TOLERANCE, atol=0))


def _unreached(served: Deployment) -> tuple[tuple[float, float], ...]:
    """Weights and chances of experts that tokens do not reach; of one token they add up to 1."""
    missing = unreached(served.model)
    of_one = sum(count * chance for count, chance in missing)
    return tuple((count / of_one, chance) for count, chance in missing if of_one)
