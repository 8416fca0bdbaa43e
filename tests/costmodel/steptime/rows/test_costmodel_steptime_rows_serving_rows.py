"""Rows know their deployments, and rows that are taken keep them."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from moeprof.costmodel.steptime.features.columns import columns
from moeprof.costmodel.steptime.rows.serving_rows import Beside, ServingRows, columns_of
from moeprof.tests.costmodel.steptime.features.hand_counts import QWEN3_NEXT
from moeprof.tests.costmodel.steptime.whole_models import many_deployments, rows_of, served


def test_columns_of_rows_are_those_of_each_deployment() -> None:
    deployments = many_deployments()
    rows = rows_of(*deployments)
    found = columns_of(rows)
    for place, one in enumerate(deployments):
        at = np.flatnonzero(rows.which == place)
        for name, values in columns(one, rows.steps.taken(at)).items():
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


def test_rows_of_other_times_keep_their_columns() -> None:
    rows = rows_of(*many_deployments())
    columns_of(rows)
    slower = rows.timed(np.full(len(rows), 9.0))
    assert slower.step_us.tolist() == [9.0] * len(rows)
    assert slower._columns.keys() == columns_of(rows).keys()


@pytest.mark.parametrize(
    "names_of",
    [
        lambda rows: rows.configurations,
        lambda rows: rows.models,
        lambda rows: rows.gpu_names,
        lambda rows: rows.engines,
        lambda rows: rows.gpus,
        lambda rows: rows.has_experts,
        lambda rows: rows.name,
    ],
    ids=["configuration", "model", "GPU", "engine", "number of GPUs", "experts", "measurement"],
)
def test_what_is_left_out_of_rows_is_left_out_of_the_mean_steps_beside_them(
    names_of: Callable[[ServingRows], NDArray[Any]],
) -> None:
    """Mean steps of a fifth model are beside them, which has no decode step."""
    whole = rows_of(*many_deployments(), sizes=2)
    mean = rows_of(*many_deployments(), served(QWEN3_NEXT, "L40S", "bf16", "other"), sizes=2)
    beside = Beside(mean, whole)
    assert len(beside.left_to(whole)) == len(mean)
    gone = names_of(whole)[3]
    left = beside.left_to(whole.taken(np.flatnonzero(names_of(whole) != gone)))
    assert gone not in names_of(left)
    assert set(names_of(left)) == set(names_of(mean)) - {gone}


def test_later_rows_that_are_left_out_take_later_mean_steps_with_them() -> None:
    rows = rows_of(*many_deployments(), sizes=2)
    whole = replace(rows, time_s=np.arange(32.0))
    names = np.asarray([f"m{at}" for at in range(32)])
    beside = Beside(replace(whole, name=names, time_s=np.arange(32.0) + 0.5), whole)
    left = beside.left_to(whole.taken(np.arange(30)))
    assert left.time_s.max() <= 29
