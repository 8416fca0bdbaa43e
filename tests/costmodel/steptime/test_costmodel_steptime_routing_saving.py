"""Fewer active experts save the reading of their weights, and a part of uncertain size."""

from dataclasses import replace

import numpy as np
import pytest

from moeprof.costmodel.steptime.features.steps import Steps
from moeprof.costmodel.steptime.fit.build import build_step_time
from moeprof.costmodel.steptime.prediction.asked_rows import as_rows
from moeprof.costmodel.steptime.prediction.from_file import step_model_of
from moeprof.costmodel.steptime.prediction.predict import predict_steps
from moeprof.costmodel.steptime.routing_saving import RoutingSaving, own_routing, saving_of
from moeprof.costmodel.steptime.rows.gate import Refused
from moeprof.store.errors import BadInput
from moeprof.store.serving.step_time_model import StepTimeFile
from moeprof.tests.costmodel.steptime.whole_models import (
    LLAMA_3_8B,
    MIXTRAL_8X7B,
    decode_steps,
    many_deployments,
    rows_of,
    served,
    timed_rows,
)

MIXTRAL = served(MIXTRAL_8X7B, "H200")
STEPS = decode_steps([4.0, 16.0])


@pytest.fixture(scope="module")
def file() -> StepTimeFile:
    """A model of sixteen deployments, at 60 % of the TDP."""
    rows = timed_rows(rows_of(*many_deployments(), sizes=4))
    tdp_w = np.asarray([one.gpu.tdp_w * one.gpus for one in rows.deployments])[rows.which]
    powered = replace(rows, power_w=0.6 * tdp_w)
    return build_step_time(powered, Refused(64, {}), {}, method="physics")


def saved(file: StepTimeFile, active: list[float], own: Steps | None = None) -> RoutingSaving:
    """What so many active experts of mixtral-8x7b save."""
    own = own_routing(MIXTRAL, STEPS, None) if own is None else own
    steps = replace(STEPS, active_experts=np.asarray(active))
    found, before = (predict_steps(file, MIXTRAL, some) for some in (steps, own))
    return saving_of(steps, found, own, before)


def test_what_is_saved_is_the_reading_of_the_experts(file: StepTimeFile) -> None:
    found = saved(file, [4.0, 6.0])
    assert found.own_active == pytest.approx([8 * (1 - 0.75**4), 8 * (1 - 0.75**16)])
    rows = as_rows(MIXTRAL, own_routing(MIXTRAL, STEPS, None))
    reading_us = step_model_of(file, "mean").terms_us(rows)["expert_weights"]
    fewer = 1 - found.active / found.own_active
    assert found.saved_us == pytest.approx(reading_us * fewer)


def test_the_part_of_the_step_is_as_uncertain_as_the_step(file: StepTimeFile) -> None:
    found = saved(file, [4.0, 6.0])
    assert found.low_share is not None
    assert found.high_share is not None
    assert (found.low_share < found.saved_share).all()
    assert (found.saved_share < found.high_share).all()
    assert (found.high_share <= 1).all()


def test_joules_are_saved_too(file: StepTimeFile) -> None:
    found = saved(file, [4.0, 6.0])
    assert found.own_j_per_token is not None
    assert found.saved_j_per_token is not None
    assert (found.saved_j_per_token > 0).all()
    assert (found.saved_j_per_token < found.own_j_per_token).all()


def test_the_own_routing_itself_saves_nothing(file: StepTimeFile) -> None:
    own = own_routing(MIXTRAL, STEPS, np.asarray([5.0, 7.0]))
    found = saved(file, [5.0, 7.0], own)
    assert found.saved_us.tolist() == [0, 0]
    assert (saved(file, [5.5, 7.5], own).saved_us < 0).all()


def test_a_dense_model_has_no_routing() -> None:
    with pytest.raises(BadInput, match="llama-3-8b has no routed experts"):
        own_routing(served(LLAMA_3_8B), STEPS, None)
