"""Shares of the TDP are found, and a type of GPU without rows has the pooled ones."""

from dataclasses import replace

import numpy as np
import pytest

from moeprof.costmodel.steptime.effects import Effects
from moeprof.costmodel.steptime.fit.power import fit_power
from moeprof.costmodel.steptime.physics import Physics
from moeprof.costmodel.steptime.power import TERMS, Power, power_terms, tdp_w
from moeprof.costmodel.steptime.rows.serving_rows import columns_of
from moeprof.tests.costmodel.steptime.whole_models import many_deployments, rows_of, served

ROWS = rows_of(*many_deployments())
STEP_US = 1.5 * Physics(dict.fromkeys(columns_of(ROWS), 1.0) | {"steps": 500.0}, {}).step_us(ROWS)
LAW = Power(dict(zip(TERMS, (0.15, 0.4, 0.2, 0.5, 0.1, 0.0, 0.1), strict=True)), {})


def test_the_power_of_a_law_is_found() -> None:
    noise = np.exp(0.03 * np.random.default_rng(0).standard_normal(len(ROWS)))
    rows = replace(ROWS, step_us=STEP_US, power_w=LAW.power_w(ROWS, STEP_US) * noise)
    found = fit_power(rows)
    assert found.power_w(rows, STEP_US) == pytest.approx(LAW.power_w(ROWS, STEP_US), rel=0.05)
    assert set(found.by_gpu) == {"A100-80GB", "H100", "H200", "B200"}
    other = rows_of(served(gpu="L40S"))
    alone = Power(found.shares, {}, found.effects).power_w(other, STEP_US[:8])
    assert (found.power_w(other, STEP_US[:8]) == alone).all()


def test_a_model_that_keeps_its_gpus_busier_is_told_so() -> None:
    busier = np.where(ROWS.models == "deepseek-v3", 1.3, 1.0)
    rows = replace(ROWS, step_us=STEP_US, power_w=busier * 0.5 * tdp_w(ROWS))
    found = fit_power(rows)
    with_effects, without = (
        np.abs(np.log(power.power_w(rows, STEP_US) / rows.power_w)).mean()
        for power in (found, replace(found, effects=Effects({})))
    )
    assert with_effects < 0.6 * without


def test_power_is_at_most_the_tdp_and_never_nothing() -> None:
    full, idle = (Power(dict.fromkeys(TERMS, share), {}) for share in (9.0, 0.0))
    assert (full.power_w(ROWS, STEP_US) == tdp_w(ROWS)).all()
    assert idle.power_w(ROWS, STEP_US) == pytest.approx(0.05 * tdp_w(ROWS))
    assert tdp_w(rows_of(served(gpu="H100"), sizes=1)).tolist() == [700]


def test_requests_fill_the_processors_of_a_group_up_to_256() -> None:
    rows = rows_of(served(), sizes=1)
    many = replace(rows.steps, running=np.asarray([64.0]))
    more = replace(rows.steps, running=np.asarray([4096.0]))
    column = TERMS.index("occupied")
    found = [power_terms(replace(rows, steps=one), STEP_US[:1])[0, column] for one in (many, more)]
    assert found == pytest.approx([0.5, 1.0])
