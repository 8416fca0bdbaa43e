"""Power and energy of rows are predicted by fits that did not have their configuration."""

from dataclasses import replace

import numpy as np
import pytest

from moeprof.costmodel.steptime.fit.folds import shuffled_folds
from moeprof.costmodel.steptime.fit.left_out_energy import j_per_token, left_out_energy
from moeprof.costmodel.steptime.fit.power import fit_power
from moeprof.costmodel.steptime.power import tdp_w
from moeprof.tests.costmodel.steptime.whole_models import many_deployments, rows_of, timed_rows


def test_a_row_changes_nothing_of_its_own_prediction() -> None:
    rows = timed_rows(rows_of(*many_deployments(), sizes=3))
    rows = replace(rows, power_w=0.5 * tdp_w(rows))
    labels = shuffled_folds(rows.configurations, 4, 0)
    at = labels == labels[0]
    found = left_out_energy(rows, labels, 1.1 * rows.step_us)
    other = replace(rows, power_w=np.where(at, 0.9, 0.5) * tdp_w(rows))
    assert left_out_energy(other, labels, 1.1 * rows.step_us).power_w[at] == pytest.approx(
        found.power_w[at]
    )
    fitted = fit_power(rows.taken(np.flatnonzero(~at)))
    later_w = fitted.power_w(rows, 1.1 * rows.step_us)
    assert found.j_per_token[at] == pytest.approx(
        j_per_token(rows, later_w, 1.1 * rows.step_us)[at]
    )


def test_energy_per_token_is_power_times_step_over_requests() -> None:
    rows = rows_of(*many_deployments()[:1], sizes=2)
    found = j_per_token(rows, np.asarray([400.0, 400.0]), np.asarray([10_000.0, 20_000.0]))
    assert found.tolist() == [4.0, 4.0]
