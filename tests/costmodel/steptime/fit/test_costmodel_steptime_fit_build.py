"""A model file is built whole, to the same bytes, and refused for too few or impossible rows."""

from dataclasses import replace

import numpy as np
import pytest

from moeprof.costmodel.steptime.fit.build import build_step_time
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
    assert first.startswith('{\n  "schema": "moeprof.step_time_model/1.0"')


def test_every_form_is_scored_and_every_column_has_a_unit(file: StepTimeFile) -> None:
    assert set(file.scores) == {"physics", "srfa", "blackbox"}
    assert file.scores["physics"].median < file.scores["blackbox"].median
    assert set(file.units) == set(file.coefficients) == set(file.domain)
    assert (file.units["kv"], file.units["layers"]) == ("1", "us")
    assert 1 < file.factors["50"] < file.factors["90"]
    assert (file.rows, file.configurations, file.power) == (64, 16, None)


def test_rows_of_power_give_shares(rows: ServingRows) -> None:
    file = build_step_time(replace(rows, power_w=np.full(len(rows), 300.0)), NONE_REFUSED, {})
    assert file.power is not None
    assert file.power.rows == 64


def test_too_few_rows_or_configurations_are_refused(rows: ServingRows) -> None:
    for few in (rows.taken(np.arange(29)), rows.taken(np.flatnonzero(rows.which < 4))):
        with pytest.raises(BadInput, match="too few for a fit"):
            build_step_time(few, NONE_REFUSED, {})


def test_a_table_that_is_mostly_impossible_gives_no_file(rows: ServingRows) -> None:
    with pytest.raises(BadInput, match="60 of 100 rows cannot be true"):
        build_step_time(rows, Refused(100, {TOO_FAST: 60}), {})
