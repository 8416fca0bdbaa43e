"""A fit chooses its ties, and learns its intervals, from rows that it leaves out itself."""

from dataclasses import replace

import numpy as np
import pytest

from moeprof.costmodel.steptime.fit.ties import choose_ties
from moeprof.costmodel.steptime.power import tdp_w
from moeprof.costmodel.steptime.rows.serving_rows import ServingRows
from moeprof.pipeline.steptime.validation.learnt import Learnt, Widest
from moeprof.tests.costmodel.steptime.whole_models import many_deployments, rows_of, timed_rows


@pytest.fixture(scope="module")
def rows() -> ServingRows:
    """Sixteen deployments of four models and four GPUs, at 60 % of the TDP; B200 is 1.5 x slow."""
    rows = timed_rows(rows_of(*many_deployments(), sizes=4))
    slow = np.where(rows.gpu_names == "B200", 1.5, 1.0)
    return replace(rows, step_us=rows.step_us * slow, power_w=0.6 * tdp_w(rows))


def test_ties_are_those_of_the_rows_and_factors_of_what_is_new_alone(rows: ServingRows) -> None:
    others = rows.taken(np.flatnonzero(rows.models != "gemma-2-9b"))
    learnt = Learnt.of(others, rows.taken(np.flatnonzero(rows.models == "gemma-2-9b")))
    assert learnt.ties == choose_ties(others)
    for factors in (learnt.step, learnt.power, learnt.j_per_token):
        assert list(factors) == ["configuration", "model"]
        assert min(factors.values()) >= 1


def test_kinds_of_fewer_than_three_tell_nothing_of_a_new_one(rows: ServingRows) -> None:
    two = np.isin(rows.models, ["gemma-2-9b", "llama-3-8b"])
    learnt = Learnt.of(rows.taken(np.flatnonzero(two)), rows.taken(np.flatnonzero(~two)))
    assert list(learnt.step) == ["configuration"]


def test_without_enough_power_steps_have_factors_all_the_same(rows: ServingRows) -> None:
    few = replace(rows, power_w=np.where(np.arange(len(rows)) < 20, rows.power_w, np.nan))
    learnt = Learnt.of(few, few)
    assert list(learnt.step) == ["configuration"]
    assert (learnt.power, learnt.j_per_token) == ({}, {})


def test_the_widest_factor_of_what_no_row_has_counts(rows: ServingRows) -> None:
    h100 = rows.taken(np.flatnonzero(rows.gpu_names == "H100"))
    widest = Widest.of({"configuration": 1.2, "model": 1.1, "GPU": 1.6}, h100)
    factors = widest(rows)
    assert factors is not None
    assert factors.tolist() == [1.2 if name == "H100" else 1.6 for name in rows.gpu_names]
    assert Widest.of({"GPU": 1.6}, h100)(rows) is None
