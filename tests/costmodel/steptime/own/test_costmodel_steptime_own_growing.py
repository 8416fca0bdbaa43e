"""A curve that falls becomes the nearest one that grows; one that grows stays as it is."""

import numpy as np
import pytest

from moeprof.costmodel.steptime.features.steps import Array, Steps
from moeprof.costmodel.steptime.own.growing import growing_us
from moeprof.tests.costmodel.steptime.whole_models import decode_steps, mixed_steps


def growing(steps: Steps) -> Array:
    """10 ms, and 100 us a request and 1 us a token of prompts."""
    return np.asarray(10_000 + 100 * steps.running + steps.prefill_tokens)


def falling(steps: Steps) -> Array:
    """The same, but that a request takes it to the power of -0.2 times as long."""
    return np.asarray(growing(steps) * steps.running**-0.2)


def test_a_step_that_grows_is_as_it_was() -> None:
    for steps in (decode_steps([1.0, 7.5, 20_000.0]), mixed_steps([1.0, 600.0])):
        assert growing_us(growing, steps).tolist() == growing(steps).tolist()


def test_one_that_falls_is_level_half_way_and_then_as_it_was() -> None:
    """It falls from 10.1 ms to its least at 25 requests, where 0.2 of it are 100 us each."""
    least_us = float(falling(decode_steps([25.0]))[0])
    found = growing_us(falling, decode_steps([1.0, 5.0, 25.0, 1000.0]))
    assert found[:3] == pytest.approx([np.sqrt(10_100 * least_us)] * 3, rel=1e-3)
    assert found[3] == pytest.approx(falling(decode_steps([1000.0]))[0], rel=2e-3)


def test_steps_of_other_contexts_are_curves_of_their_own() -> None:
    def by_context(steps: Steps) -> Array:
        return np.where(steps.context_tokens > 500, growing(steps), falling(steps))

    short, long = decode_steps([8.0], 100.0), decode_steps([8.0], 1000.0)
    both = Steps(*(np.concatenate(pair) for pair in zip(_parts(short), _parts(long), strict=True)))
    found = growing_us(by_context, both)
    assert found[0] == growing_us(falling, short)[0]
    assert found[1] == growing(long)[0]


def _parts(steps: Steps) -> tuple[Array, ...]:
    return (
        steps.running,
        steps.context_tokens,
        steps.prefill_tokens,
        steps.prompt_tokens,
        steps.prefill_share,
    )
