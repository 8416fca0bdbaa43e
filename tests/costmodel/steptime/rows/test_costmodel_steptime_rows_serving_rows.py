"""Rows know their deployments, and rows that are taken keep them."""

from dataclasses import replace

import numpy as np

from moeprof.costmodel.steptime.features.columns import columns
from moeprof.costmodel.steptime.rows.serving_rows import columns_of
from moeprof.tests.costmodel.steptime.whole_models import many_deployments, rows_of


def test_columns_of_rows_are_those_of_each_deployment() -> None:
    deployments = many_deployments()
    rows = rows_of(*deployments)
    found = columns_of(rows)
    for place, served in enumerate(deployments):
        at = np.flatnonzero(rows.which == place)
        for name, values in columns(served, rows.steps.taken(at)).items():
            assert (found[name][at] == values).all()


def test_rows_that_are_taken_keep_their_names() -> None:
    rows = rows_of(*many_deployments())
    some = rows.taken(np.asarray([9, 3]))
    assert some.name.tolist() == ["9", "3"]
    assert some.models.tolist() == [rows.models[9], rows.models[3]]
    assert some.steps.running.tolist() == [2, 8]
    assert len(some) == 2


def test_columns_are_those_of_the_steps_whether_counted_before_or_after_rows_are_taken() -> None:
    before, after = (rows_of(*many_deployments()) for _ in range(2))
    at = np.asarray([9, 3])
    columns_of(before)
    taken, counted = columns_of(before.taken(at)), columns_of(after.taken(at))
    assert taken.keys() == counted.keys()
    assert all((taken[name] == counted[name]).all() for name in counted)


def test_rows_of_other_steps_are_counted_anew() -> None:
    rows = rows_of(*many_deployments())
    columns_of(rows)
    twice = replace(rows, steps=replace(rows.steps, running=2 * rows.steps.running))
    assert (columns_of(twice)["requests"] == 2 * columns_of(rows)["requests"]).all()
