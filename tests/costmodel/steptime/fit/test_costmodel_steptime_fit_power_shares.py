"""The power of a file says how far it is off, alone and with the step predicted too."""

from dataclasses import replace

import numpy as np
import pytest

from moeprof.costmodel.steptime.fit.power_shares import build_power
from moeprof.costmodel.steptime.power import tdp_w
from moeprof.tests.costmodel.steptime.whole_models import many_deployments, rows_of, timed_rows


def test_a_step_that_is_off_is_an_error_of_energy_and_not_of_power() -> None:
    rows = timed_rows(rows_of(*many_deployments(), sizes=4))
    rows = replace(rows, power_w=0.6 * tdp_w(rows))
    found = build_power(rows, 1.5 * rows.step_us)
    assert found.at_measured_step.median == pytest.approx(0, abs=0.01)
    assert found.j_per_token.median == pytest.approx(0.5, abs=0.05)
    assert found.j_per_token.factors["90"] > found.at_measured_step.factors["90"]
    assert found.typical_share == pytest.approx(0.6)
    assert set(found.typical_by_gpu) == set(rows.gpu_names.tolist())


def test_rows_without_power_do_not_count() -> None:
    rows = timed_rows(rows_of(*many_deployments(), sizes=4))
    known = np.arange(len(rows)) % 2 == 0
    rows = replace(rows, power_w=np.where(known, 0.6 * tdp_w(rows), np.nan))
    assert build_power(rows, rows.step_us).rows == 32
