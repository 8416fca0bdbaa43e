"""Steps that grow with the requests that run, from a curve that may fall between own points.

A line through one or two points may fall with the batch faster than the prediction grows.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

import numpy as np

from ..features.steps import Array, Steps

StepsUs = Callable[[Steps], Array]
_BETWEEN: Final = 2**0.25  # from one number of requests to the next
_MOST: Final = 2.0**13  # requests, or the most that are asked for
_JITTER: Final = 1e-9


def growing_us(step_us: StepsUs, steps: Steps) -> Array:
    """What `step_us` gives of steps, (n,), or the nearest that grows with their requests.

    It is asked over all numbers of requests, at each step's context and prompts per request, so
    that a step is the same whatever others are asked for. Where it falls anywhere, the curve is the
    isotonic one of the smallest largest difference: half-way, by logarithms, between the largest
    before and the smallest after (Ubhaya 1974, Journal of Approximation Theory 12).
    """
    found = step_us(steps)
    numbers = _numbers(float(steps.running.max()))
    for at in _alike(steps):
        log_us = np.log(step_us(_of_numbers(steps.taken(at[:1]), numbers)))
        if (np.diff(log_us) < -_JITTER).any():
            before = np.maximum.accumulate(log_us)
            after = np.minimum.accumulate(log_us[::-1])[::-1]
            places = np.log(steps.running[at])
            found[at] = np.exp(np.interp(places, np.log(numbers), (before + after) / 2))
    return found


def _numbers(largest: float) -> Array:
    count = int(np.ceil(np.log(max(largest, _MOST)) / np.log(_BETWEEN)))
    return np.asarray(_BETWEEN ** np.arange(count + 1.0))


def _alike(steps: Steps) -> list[np.ndarray[tuple[int], np.dtype[np.intp]]]:
    """Places of steps that differ by their requests alone."""
    work = np.column_stack(
        [
            steps.context_tokens,
            steps.prefill_tokens / steps.running,
            steps.prompt_tokens,
            _share_per_request(steps),
            np.zeros(len(steps.running)) if steps.cached_tokens is None else steps.cached_tokens,
        ]
    )
    _, which = np.unique(np.round(work, 9), axis=0, return_inverse=True)
    which = which.reshape(-1)
    return [np.flatnonzero(which == place) for place in range(which.max() + 1)]


def _of_numbers(one: Steps, numbers: Array) -> Steps:
    """One step with other numbers of requests, which bring so many more or fewer prompts."""
    many = one.taken(np.zeros(len(numbers), dtype=np.intp))
    return replace(
        many,
        running=numbers,
        prefill_tokens=many.prefill_tokens / one.running * numbers,
        prefill_share=np.minimum(1.0, _share_per_request(many) * numbers),
    )


def _share_per_request(steps: Steps) -> Array:
    """Of the steps, those that a request makes hold prompts; also where it is bounded by 1."""
    cached = 0.0 if steps.cached_tokens is None else steps.cached_tokens
    own = np.maximum(steps.prompt_tokens - cached, 1.0)
    return np.maximum(steps.prefill_share, steps.prefill_tokens / own) / steps.running
