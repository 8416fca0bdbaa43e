"""The power of a file says how far it is off, alone and with the step predicted too."""

from dataclasses import replace

import numpy as np
import pytest

from moeprof.costmodel.steptime.features.steps import Array
from moeprof.costmodel.steptime.fit.power_shares import build_power
from moeprof.costmodel.steptime.fit.step_fit import BuiltStep, build_step_fit
from moeprof.costmodel.steptime.power import tdp_w
from moeprof.tests.costmodel.steptime.whole_models import many_deployments, rows_of, timed_rows

ROWS = timed_rows(rows_of(*many_deployments(), sizes=4))


def built(left_us: Array, unseen_us: dict[str, Array] | None = None) -> BuiltStep:
    """What a fit of ROWS says of each without its configuration, or what it is unseen by."""
    same = {"model": ROWS.step_us, "GPU": ROWS.step_us}
    return BuiltStep(build_step_fit(ROWS, "blackbox").fit, left_us, same | (unseen_us or {}))


def test_a_step_that_is_off_is_an_error_of_energy_and_not_of_power() -> None:
    rows = replace(ROWS, power_w=0.6 * tdp_w(ROWS))
    found = build_power(rows, built(1.5 * rows.step_us))
    assert found.at_measured_step.median == pytest.approx(0, abs=0.01)
    assert found.j_per_token.median == pytest.approx(0.5, abs=0.05)
    assert found.j_per_token.factors["90"] > found.at_measured_step.factors["90"]
    assert found.typical_share == pytest.approx(0.6)
    assert set(found.typical_by_gpu) == set(rows.gpu_names.tolist())


def test_energy_of_an_unseen_model_has_the_errors_of_models_left_out() -> None:
    rows = replace(ROWS, power_w=0.6 * tdp_w(ROWS))
    found = build_power(rows, built(rows.step_us, {"model": 2 * rows.step_us})).j_per_token
    assert set(found.unseen_factors) == {"model", "GPU"}
    assert found.unseen_factors["model"]["90"] > 1.6
    assert found.unseen_factors["GPU"]["90"] < 1.2


def test_rows_without_power_do_not_count() -> None:
    known = np.arange(len(ROWS)) % 2 == 0
    rows = replace(ROWS, power_w=np.where(known, 0.6 * tdp_w(ROWS), np.nan))
    assert build_power(rows, built(rows.step_us)).rows == 32
