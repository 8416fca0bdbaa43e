"""Steps of one deployment in microseconds: a closed form that is read off the vectorised one.

For one deployment a step is D(running) + N(running) K(context) + prefill A(prompt) - W(prefill): D
is a table, and so is N, the requests of the fullest data-parallel group; K and A are a + b x +
c / x between the ends of windows, chunks and sparse attention, as means of what is attended to are;
W falls as a power of the tokens of prompts, as the experts that they do not reach do. Each is found
by asking the vectorised prediction, where features are counted; a check on random steps says
whether the form holds.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, Self

import numpy as np

from .features.columns import fullest_group
from .features.deployment import Deployment
from .features.experts import unreached
from .features.steps import Array, Steps

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
    """Steps that hold prompts, or steps that decode alone.

    `unread` are (us, chance): W is the sum of us chance^prefill.
    """

    share: float
    running_us: list[float]
    in_group: list[float]
    context_us: Pieces
    token_us: Pieces
    unread: tuple[tuple[float, float], ...]

    @classmethod
    def of(cls, predict: Predict, served: Deployment, most: int, *, prompts: bool) -> Self:
        """Read it off `predict`, for 0 to `most` requests, with or without `prompts`."""
        share, model = float(prompts), served.model
        contexts = (float(model.window_tokens), float(model.sparse_tokens))
        # The last chunk of a prompt may be short: its mean has a piece for each number of chunks.
        chunk = float(model.window_tokens) if model.chunked else _LONGEST
        prompt_ends = (*contexts, *np.arange(chunk, _LONGEST, chunk).tolist())

        def ask(running: Array, context: Array, tokens: Array, prompt: Array) -> Array:
            return predict(Steps(running, context, tokens, prompt, np.full(len(running), share)))

        def of_token(prompt: Array) -> Array:
            one = np.ones(len(prompt))
            many, twice = (
                ask(one, 0 * one, one * share * tokens, share * prompt)
                for tokens in (_MANY, 2 * _MANY)
            )
            return np.asarray((twice - many) / _MANY)

        counts = np.arange(most + 1.0)
        far = np.full(len(counts), _MANY * share)
        of_one = of_token(np.ones(1))
        running = ask(counts, 0 * counts, far, share + 0 * counts) - far * of_one

        def of_context(context: Array) -> Array:
            one = np.ones(len(context))
            far_us, near_us = (ask(one, at, 0 * one, share * one) for at in (context, 0 * one))
            return np.asarray(far_us - near_us)

        missing = unreached(model)
        none = np.zeros(1)
        unread_us = float(running[1] - ask(none + 1, none, none, none + share)[0])
        one_us = unread_us / sum(count * chance for count, chance in missing) if missing else 0.0
        return cls(
            share=share,
            running_us=running.tolist(),
            in_group=fullest_group(served, counts).tolist(),
            context_us=Pieces.of(of_context, contexts),
            token_us=Pieces.of(of_token, prompt_ends),
            unread=tuple((one_us * count, chance) for count, chance in missing if one_us > 0),
        )

    def step_us(
        self, running: int, context_tokens: float, prefill_tokens: float, prompt_tokens: float
    ) -> float:
        """One step of so many requests, at a mean context, with tokens of prompts."""
        step_us = self.running_us[running] + self.in_group[running] * self.context_us(
            context_tokens
        )
        if not prefill_tokens:
            return step_us
        step_us += prefill_tokens * self.token_us(prompt_tokens)
        for each_us, chance in self.unread:
            step_us -= each_us * chance ** max(prefill_tokens, 1.0)
        return step_us

    def agrees(self, predict: Predict) -> bool:
        """Whether it gives what `predict` gives on random steps, to 1e-9."""
        return agree(self.step_us, predict, len(self.running_us) - 1, self.share)


def agree(quick: QuickSteps, predict: Predict, most: int, share: float) -> bool:
    """Whether both give the same, to 1e-9, on random steps of up to `most` requests.

    `share` of the steps hold prompts: 0 or 1.
    """
    rng = np.random.default_rng(0)
    running = rng.integers(1, most + 1, _CHECKED)
    context, prefill, prompt = np.exp(rng.uniform(0, np.log(3e5), (3, _CHECKED)))
    prefill, prompt = share * prefill, share * prompt
    steps = Steps(running.astype(float), context, prefill, prompt, np.full(_CHECKED, share))
    each = (running.tolist(), context.tolist(), prefill.tolist(), prompt.tolist())
    told = [quick(*one) for one in zip(*each, strict=True)]
    return bool(np.allclose(told, predict(steps), rtol=_TOLERANCE, atol=0))
