"""A row is known by what was measured, not by its name or source."""

from dataclasses import replace

import numpy as np

from moeprof.costmodel.steptime.rows.fingerprints import DIGITS, fingerprints
from moeprof.tests.costmodel.steptime.whole_models import many_deployments, rows_of, timed_rows


def test_rows_that_differ_have_different_fingerprints() -> None:
    found = fingerprints(timed_rows(rows_of(*many_deployments())))
    assert len(set(found.tolist())) == len(found) == 128
    assert {len(one) for one in found.tolist()} == {DIGITS}


def test_a_row_that_was_renamed_is_the_same_and_one_measured_again_is_not() -> None:
    rows = timed_rows(rows_of(*many_deployments()))
    other = np.full(len(rows), "other")
    assert (fingerprints(replace(rows, name=other, source=other)) == fingerprints(rows)).all()
    again = replace(rows, step_us=rows.step_us * 1.001)
    assert not (fingerprints(again) == fingerprints(rows)).any()
