"""The range of a configuration's steps, and steps moved into it."""

from dataclasses import replace

import numpy as np
import pytest

from moeprof.costmodel.steptime.features.steps import Steps
from moeprof.costmodel.steptime.own.conditions import Conditions, clipped_steps
from moeprof.tests.costmodel.steptime.whole_models import decode_steps, mixed_steps


def test_ranges_hold_all_steps_and_no_others() -> None:
    conditions = Conditions.of(mixed_steps([2.4, 8.0]))
    ranges = conditions.ranges()
    assert ranges == ((2.0, 8.0), (1000.0, 1000.0), (2.0, 2.0))
    assert conditions.inside(ranges).all()
    asked = Conditions.of(mixed_steps([1.0, 2.0, 8.0, 9.0]))
    assert asked.inside(ranges).tolist() == [False, True, True, False]
    assert not Conditions.of(decode_steps([4.0])).inside(ranges)[0]
    assert not Conditions.of(mixed_steps([4.0], 999.0)).inside(ranges)[0]


def test_steps_beyond_are_moved_to_the_end_of_the_range() -> None:
    ranges = ((2.0, 8.0), (500.0, 900.0), (1.0, 1.5))
    moved = clipped_steps(mixed_steps([1.0, 4.0, 16.0]), ranges)
    assert moved.running.tolist() == [2, 4, 8]
    assert moved.context_tokens.tolist() == [900, 900, 900]
    assert moved.prefill_tokens.tolist() == [3, 6, 12]


def test_a_step_of_prompts_alone_counts_as_one_request() -> None:
    alone = replace(mixed_steps([1.0]), running=np.zeros(1))
    assert Conditions.of(alone).prefill_per_request == pytest.approx(alone.prefill_tokens)
    assert Conditions.of(alone).ranges()[0] == (1.0, 1.0)


def test_prompts_follow_the_requests_and_the_tokens_that_steps_are_moved_to() -> None:
    """Of 8 requests with 40 tokens each, a tenth of the steps with a prompt of 1,000, 2 are left.

    They have 10 tokens each: a fourth of the steps that held prompts, of a fourth of the length.
    """
    values = (8.0, 500.0, 320.0, 1000.0, 0.1)
    near = clipped_steps(Steps(*(np.asarray([one]) for one in values)), ((1, 2), (1, 900), (0, 10)))
    assert near.running.tolist() == [2]
    assert near.prefill_tokens.tolist() == [20]
    assert near.prompt_tokens == pytest.approx([250])
    assert near.prefill_share == pytest.approx([0.025])
