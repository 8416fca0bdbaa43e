"""What a file predicts is what is judged, beside the simpler predictions of its own rows."""

from dataclasses import replace

import numpy as np
import pytest

from moeprof.costmodel.steptime.fit.build import build_step_time
from moeprof.costmodel.steptime.power import tdp_w
from moeprof.costmodel.steptime.prediction.predict import predict_steps
from moeprof.costmodel.steptime.roofline import roofline_us
from moeprof.costmodel.steptime.rows.gate import Refused
from moeprof.costmodel.steptime.rows.serving_rows import ServingRows, columns_of
from moeprof.pipeline.steptime.validation.judged import JudgedEnergy, JudgedSteps
from moeprof.pipeline.steptime.validation.learnt import Learnt
from moeprof.store.serving.step_time_model import StepTimeFile
from moeprof.tests.costmodel.steptime.whole_models import many_deployments, rows_of, timed_rows


@pytest.fixture(scope="module")
def rows() -> ServingRows:
    """Sixteen deployments at 60 % of the TDP."""
    rows = timed_rows(rows_of(*many_deployments(), sizes=4))
    return replace(rows, power_w=0.6 * tdp_w(rows))


@pytest.fixture(scope="module")
def file(rows: ServingRows) -> StepTimeFile:
    """Their model."""
    return build_step_time(rows, Refused(64, {}), {})


def test_steps_are_those_that_the_file_predicts(file: StepTimeFile, rows: ServingRows) -> None:
    told = JudgedSteps.of_file(file, "mean").predicted("mean", rows)
    first = rows.which == 0
    asked = predict_steps(file, rows.deployments[0], rows.steps.taken(np.flatnonzero(first)))
    assert told.predicted[first] * 1e3 == pytest.approx(asked.step_us)
    assert told.factor is not None
    assert asked.high_us is not None
    assert (asked.step_us * told.factor[first]) == pytest.approx(asked.high_us)
    assert list(told.baselines) == ["roofline", "blackbox"]
    assert told.baselines["roofline"] * 1e3 == pytest.approx(roofline_us(columns_of(rows)))


def test_energy_is_that_at_the_predicted_step(file: StepTimeFile, rows: ServingRows) -> None:
    assert file.power is not None
    steps = JudgedSteps(
        lambda some: 1.5 * some.step_us, lambda some: 2 * some.step_us, lambda _: None
    )
    power, energy = JudgedEnergy.of_file(file.power, file.steps["mean"]).predicted(rows, steps)
    assert (power.unit, energy.unit) == ("W", "J")
    assert power.measured.tolist() == rows.power_w.tolist()
    assert energy.measured == pytest.approx(rows.power_w * rows.step_us / 1e6 / rows.steps.running)
    assert np.median(energy.predicted / energy.measured) == pytest.approx(1.5, rel=0.05)
    assert list(power.baselines) == ["median power of the GPU's type"]
    typical, roofline, blackbox = energy.baselines.values()
    assert typical == pytest.approx(1.5 * energy.measured)
    assert blackbox == pytest.approx(2 * energy.measured)
    assert (roofline < energy.measured).all()


def test_the_interval_of_a_gpu_that_no_row_has_is_that_of_unseen_ones(
    file: StepTimeFile, rows: ServingRows
) -> None:
    fit = replace(
        file.steps["mean"],
        factors={"90": 1.2},
        unseen_factors={"GPU": {"90": 1.7}},
        gpus=tuple(name for name in file.gpus if name != "H200"),
    )
    told = JudgedSteps.of_file(replace(file, steps={"mean": fit}), "mean").predicted("mean", rows)
    assert told.factor is not None
    assert told.factor.tolist() == [1.7 if gpu == "H200" else 1.2 for gpu in rows.gpu_names]


def test_a_fit_of_rows_says_nearly_what_a_file_of_them_says(
    file: StepTimeFile, rows: ServingRows
) -> None:
    learnt = Learnt.of(rows, rows)
    steps = JudgedSteps.fitted(rows, learnt)
    of_file = JudgedSteps.of_file(file, "mean")
    assert steps.step_us(rows) == pytest.approx(of_file.step_us(rows), rel=0.03)
    simpler, in_file = (one.simpler_us(rows)["blackbox"] for one in (steps, of_file))
    assert simpler == pytest.approx(in_file)
    assert steps.factors(rows) == pytest.approx(of_file.factors(rows), rel=0.05)
    assert file.power is not None
    energy = JudgedEnergy.fitted(rows, learnt)
    told = JudgedEnergy.of_file(file.power, file.steps["mean"])
    assert energy.energy_factors(rows) is not None
    assert energy.power_factors(rows) == pytest.approx(told.power_factors(rows), rel=0.05)
    assert energy.typical.share == pytest.approx(told.typical.share)
