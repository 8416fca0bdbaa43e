"""A model file is built whole, to the same bytes, and refused for too few or impossible rows."""

from dataclasses import replace

import numpy as np
import pytest

from moeprof.costmodel.steptime.fit.build import Wanted, build_step_time
from moeprof.costmodel.steptime.rows.gate import TOO_FAST, Refused
from moeprof.costmodel.steptime.rows.serving_rows import ServingRows
from moeprof.store.document import to_json
from moeprof.store.errors import BadInput
from moeprof.store.serving.step_time_model import StepTimeFile
from moeprof.tests.costmodel.steptime.whole_models import many_deployments, rows_of, timed_rows

NONE_REFUSED = Refused(64, {})


@pytest.fixture(scope="module")
def rows() -> ServingRows:
    """Four batches of sixteen deployments."""
    return timed_rows(rows_of(*many_deployments(), sizes=4))


@pytest.fixture(scope="module")
def file(rows: ServingRows) -> StepTimeFile:
    """Their model."""
    return build_step_time(rows, NONE_REFUSED, {"a": "b"})


def test_a_rebuild_gives_the_same_bytes(file: StepTimeFile, rows: ServingRows) -> None:
    first = to_json(file)
    assert to_json(build_step_time(rows, NONE_REFUSED, {"a": "b"})) == first
    assert first.startswith('{\n  "schema": "moeprof.step_time_model/2.2"')


def test_what_too_few_rows_tell_is_absent_with_a_reason(file: StepTimeFile) -> None:
    assert (set(file.steps), file.power) == ({"mean"}, None)
    assert file.absent == {
        "decode": "0 rows of 0 configurations are too few for a fit of decode steps",
        "power": "0 rows of 0 configurations are too few for a fit of power",
    }


def test_rows_of_each_kind_give_a_fit_of_each(rows: ServingRows) -> None:
    whole = replace(rows, power_w=np.full(len(rows), 300.0), decode_us=0.8 * rows.step_us)
    file = build_step_time(whole, NONE_REFUSED, {})
    assert (set(file.steps), file.absent) == ({"mean", "decode"}, {})
    assert file.power is not None
    assert file.power.rows == 64
    assert file.steps["decode"].domain["prefill_dense_flops"] == (0, 0)


@pytest.mark.parametrize(
    ("wanted", "steps", "has_power"),
    [("mean", {"mean"}, False), ("decode", {"decode"}, False), ("energy", {"mean"}, True)],
)
def test_what_was_not_asked_for_is_left_out(
    rows: ServingRows, wanted: Wanted, steps: set[str], has_power: bool
) -> None:
    whole = replace(rows, power_w=np.full(len(rows), 300.0), decode_us=0.8 * rows.step_us)
    file = build_step_time(whole, NONE_REFUSED, {}, wanted)
    assert (set(file.steps), file.power is not None) == (steps, has_power)
    assert set(file.absent.values()) == {f"only {wanted} was asked for"}


@pytest.mark.parametrize("wanted", ["decode", "energy"])
def test_what_is_asked_for_needs_rows_that_tell_it(rows: ServingRows, wanted: Wanted) -> None:
    with pytest.raises(BadInput, match=r"too few for a fit of (decode steps|power)"):
        build_step_time(rows, NONE_REFUSED, {}, wanted)


def test_too_few_rows_or_configurations_are_refused(rows: ServingRows) -> None:
    for few in (rows.taken(np.arange(29)), rows.taken(np.flatnonzero(rows.which < 4))):
        with pytest.raises(BadInput, match="too few for a fit"):
            build_step_time(few, NONE_REFUSED, {})


def test_a_table_that_is_mostly_impossible_gives_no_file(rows: ServingRows) -> None:
    with pytest.raises(BadInput, match="60 of 100 rows cannot be true"):
        build_step_time(rows, Refused(100, {TOO_FAST: 60}), {})
