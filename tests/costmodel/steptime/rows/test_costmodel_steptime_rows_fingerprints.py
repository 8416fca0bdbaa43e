"""A row is known by what was measured, not by its name, its source or the rows beside it."""

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from moeprof.costmodel.steptime.rows.fingerprints import DIGITS, are_among, fingerprints
from moeprof.tests.costmodel.steptime.whole_models import many_deployments, rows_of, timed_rows

ROWS = timed_rows(rows_of(*many_deployments()))
KNOWN = fingerprints(ROWS)


def test_rows_that_differ_have_different_fingerprints() -> None:
    assert len(set(KNOWN.tolist())) == len(KNOWN) == 128
    assert {len(one) for one in KNOWN.tolist()} == {DIGITS}


def test_a_row_of_another_name_and_with_other_values_left_out_is_the_same() -> None:
    """Which steps count depends on the other rows of a source; what the row states does not."""
    other, unknown = np.full(len(ROWS), "other"), np.full(len(ROWS), np.nan)
    renamed = replace(ROWS, name=other, source=other, version=other, step_us=unknown)
    assert are_among(renamed, KNOWN).all()


@given(st.lists(st.floats(-9e-4, 9e-4), min_size=4, max_size=4))
def test_a_row_whose_numbers_were_rounded_is_the_same(moved: list[float]) -> None:
    """To four digits, each in its own direction, also where a cell of the grid ends."""
    running, context, prompt, time = (1 + np.asarray(moved)).tolist()
    steps = replace(
        ROWS.steps,
        running=ROWS.steps.running * running,
        context_tokens=ROWS.steps.context_tokens * context,
        prompt_tokens=ROWS.steps.prompt_tokens * prompt,
        prefill_tokens=ROWS.steps.prefill_tokens * running,
    )
    assert are_among(replace(ROWS, steps=steps, stated_us=ROWS.stated_us * time), KNOWN).all()


def test_a_row_that_was_measured_again_or_that_is_of_another_batch_is_none() -> None:
    again = replace(ROWS, stated_us=ROWS.stated_us * 1.005)
    assert not are_among(again, KNOWN).any()
    other = replace(ROWS, steps=replace(ROWS.steps, running=ROWS.steps.running * 1.01))
    assert not are_among(other, KNOWN).any()
    assert not are_among(ROWS, np.asarray([])).any()
