"""Own steps: which are refused, which count as one, and what they do to the interval."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moeprof.costmodel.steptime.engine.settings import EngineSettings
from moeprof.costmodel.steptime.features.steps import Array
from moeprof.costmodel.steptime.fit.build import build_step_time
from moeprof.costmodel.steptime.own.points import OwnSteps, is_expected, once_each
from moeprof.costmodel.steptime.prediction.predict import StepPrediction, predict_steps
from moeprof.costmodel.steptime.roofline import weights_us
from moeprof.costmodel.steptime.rows.gate import Refused
from moeprof.store.errors import BadInput
from moeprof.store.serving.step_time_model import OwnSpread, StepTimeFile
from moeprof.tests.costmodel.steptime.whole_models import (
    LLAMA_3_8B,
    decode_steps,
    many_deployments,
    rows_of,
    served,
    timed_rows,
)

STEPS = decode_steps([1.0, 4.0, 16.0])
SPREAD = OwnSpread(tuple(map(tuple, np.diag([0.04, 0.005, 0.005, 0.001]).tolist())), 0.01)


@pytest.fixture(scope="module")
def file() -> StepTimeFile:
    """A model of sixteen deployments, which differ by 20 % as those of the public rows do."""
    found = build_step_time(timed_rows(rows_of(*many_deployments(), sizes=4)), Refused(64, {}), {})
    fit = replace(found.steps["mean"], factors={"90": 1.5}, spread=SPREAD)
    return replace(found, steps={"mean": fit})


def asked(file: StepTimeFile, *ratios: float) -> StepPrediction:
    """Predict with own steps of so many times the prediction, of 1, 4 and 16 requests."""
    plain = predict_steps(file, served(), STEPS)
    if not ratios:
        return plain
    at = np.arange(len(ratios))
    own = OwnSteps(STEPS.taken(at), plain.step_us[at] * np.asarray(ratios))
    return predict_steps(file, served(), STEPS, own=own)


def width(found: StepPrediction) -> Array:
    """The high end over the prediction."""
    assert found.high_us is not None
    return np.asarray(found.high_us / found.step_us)


def test_each_further_point_narrows_the_interval(file: StepTimeFile) -> None:
    widths = [width(asked(file, *[1.2] * count)) for count in (0, 1, 2, 3)]
    assert widths[0] == pytest.approx([1.5] * 3)
    for wider, narrower in pairwise(widths):
        assert (narrower < wider).all()


def test_how_far_they_move_is_told(file: StepTimeFile) -> None:
    found, plain = asked(file, 1.2, 1.2), asked(file)
    assert plain.calibration is None
    assert found.calibration is not None
    assert found.calibration.points == 2
    assert found.calibration.ratio == pytest.approx(found.step_us / plain.step_us)
    assert (found.calibration.ratio > 1.1).all()


def test_the_interval_holds_points_that_are_far_off(file: StepTimeFile) -> None:
    plain, found = asked(file), asked(file, 6.0)
    assert found.high_us is not None
    assert found.high_us[0] > 6 * plain.step_us[0]
    assert width(found)[0] > 1.5


def test_energy_is_surer_too(file: StepTimeFile) -> None:
    rows = timed_rows(rows_of(*many_deployments(), sizes=4))
    watts = replace(rows, power_w=400.0 * rows.gpus.astype(np.float64))
    powered = build_step_time(watts, Refused(64, {}), {})
    fit = replace(powered.steps["mean"], factors={"90": 1.5}, spread=SPREAD)
    powered = replace(powered, steps={"mean": fit})
    plain, found = asked(powered), asked(powered, 1.0, 1.0)
    assert plain.j_per_token is not None
    assert plain.high_j_per_token is not None
    assert found.j_per_token is not None
    assert found.high_j_per_token is not None
    assert (
        found.high_j_per_token / found.j_per_token <= plain.high_j_per_token / plain.j_per_token
    ).all()


@pytest.mark.parametrize("times", [0.5, 1e5], ids=["floor", "slow"])
def test_a_step_that_cannot_be_is_refused(file: StepTimeFile, times: float) -> None:
    floor_us = float(weights_us(served(LLAMA_3_8B), np.zeros(1))[0])
    own = OwnSteps(decode_steps([8.0]), np.full(1, times * floor_us))
    with pytest.raises(BadInput, match=r"us of 8 requests cannot be a step of llama-3-8b"):
        predict_steps(file, served(), STEPS, own=own)


def test_a_step_above_the_roofline_is_told_to_be_too_fast(file: StepTimeFile) -> None:
    busy = decode_steps([512.0])
    floor_us = float(weights_us(served(LLAMA_3_8B), np.zeros(1))[0])
    with pytest.raises(BadInput, match="too fast for reading its weights and cache"):
        predict_steps(file, served(), STEPS, own=OwnSteps(busy, np.full(1, 1.05 * floor_us)))


def test_steps_of_the_same_work_count_once() -> None:
    own = OwnSteps(decode_steps([4.0, 1.0, 4.0]), np.asarray([200.0, 50.0, 800.0]))
    found = once_each(own, np.full(3, 100.0))
    assert found.steps.running.tolist() == [1, 4]
    assert np.exp(found.log_ratios) == pytest.approx([0.5, 4.0])
    assert found.scatter == pytest.approx(2 * np.log(2.0) ** 2)


def test_repeats_that_contradict_each_other_widen_the_interval(file: StepTimeFile) -> None:
    plain = predict_steps(file, served(), STEPS)
    alike, apart = (
        predict_steps(
            file,
            served(),
            STEPS,
            own=OwnSteps(STEPS.taken(np.asarray([2, 2])), 2 * plain.step_us[2] * np.asarray(times)),
        )
        for times in ([1.0, 1.0], [0.5, 2.0])
    )
    assert (width(apart) > 1.5 * width(alike)).all()


OFFLOADED = EngineSettings(cpu_offload_bytes=4e9)


def test_reading_over_the_link_is_in_own_steps_and_they_do_not_change_it(
    file: StepTimeFile,
) -> None:
    """Own steps that are as predicted change nothing; slower ones slow all else."""
    plain = predict_steps(file, served(), STEPS, settings=OFFLOADED)
    for times in (1.0, 1.1):
        own = OwnSteps(STEPS, times * plain.step_us)
        found = predict_steps(file, served(), STEPS, own=own, settings=OFFLOADED)
        moved = found.calibration
        assert moved is not None
        assert found.parts_us["offload"].tolist() == plain.parts_us["offload"].tolist()
        assert sum(found.parts_us.values()) == pytest.approx(found.step_us)
        assert found.step_us == pytest.approx(moved.ratio * plain.step_us)
        assert (moved.ratio >= 1).all()


def test_a_step_shorter_than_what_it_reads_over_the_link_is_refused(file: StepTimeFile) -> None:
    plain = predict_steps(file, served(), STEPS)
    with pytest.raises(BadInput, match="reading its offloaded weights"):
        predict_steps(file, served(), STEPS, own=OwnSteps(STEPS, plain.step_us), settings=OFFLOADED)


@settings(deadline=None, max_examples=60)
@given(
    points=st.lists(st.tuples(st.integers(1, 1024), st.floats(0.02, 20.0)), min_size=1, max_size=4)
)
def test_steps_that_any_points_move_grow_with_the_batch_and_stay_above_the_floor(
    file: StepTimeFile, points: list[tuple[int, float]]
) -> None:
    batches = decode_steps([1.0, 2.0, 3.0, 7.0, 16.0, 40.0, 64.0, 333.0, 1024.0, 3000.0])
    own = decode_steps([float(batch) for batch, _ in points])
    times = np.asarray([one for _, one in points])
    measured = OwnSteps(own, times * predict_steps(file, served(), own).step_us)
    try:
        found = predict_steps(file, served(), batches, own=measured)
    except BadInput:  # points that the gate refuses
        return
    assert (np.diff(found.step_us) >= -1e-9 * found.step_us[:-1]).all()
    assert (found.step_us >= (1 - 1e-12) * weights_us(served(), np.zeros(1))).all()
    alone = [
        predict_steps(file, served(), batches.taken(np.asarray([at])), own=measured).step_us[0]
        for at in (0, 5)
    ]
    assert alone == pytest.approx(found.step_us[[0, 5]])


def test_steps_within_their_factors_are_expected() -> None:
    assert is_expected(np.log([1.1, 0.9]), np.full(2, 1.2))
    assert not is_expected(np.log([1.1, 0.7]), np.full(2, 1.2))
