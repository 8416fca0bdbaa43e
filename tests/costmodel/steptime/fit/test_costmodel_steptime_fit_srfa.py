"""SRFA as documented: its functions, its bounds, and that it finds a law of its own form."""

from dataclasses import replace

import numpy as np
import pytest

from moeprof.costmodel.steptime.fit.srfa import (
    Ridges,
    SrfaFit,
    choose_ridges,
    fit_srfa,
    fit_with,
    softplus,
)
from moeprof.costmodel.steptime.rows.serving_rows import ServingRows
from moeprof.tests.costmodel.steptime.whole_models import many_deployments, rows_of

WEAK = Ridges(1e-6, 1e-6, 1.0)
LAW = SrfaFit(
    np.asarray([1.0, 10.0, 5.0, 0.0]), np.asarray([2.0, 1.5, 1.2, 1.1, 0.5, 0.1, 1.0]), WEAK
)


@pytest.fixture
def rows() -> ServingRows:
    """Steps by LAW, with 3 % of noise and 5 % of outliers."""
    rows, rng = rows_of(*many_deployments(), sizes=12), np.random.default_rng(0)
    step_us = LAW.step_us(rows) * np.exp(0.03 * rng.standard_normal(len(rows)))
    far = rng.random(len(rows)) < 0.05
    return replace(rows, step_us=np.where(far, 3 * step_us, step_us))


def test_softplus_is_positive_and_the_identity_above_20() -> None:
    values = softplus(np.asarray([-30.0, 0.0, 20.5, 500.0]))
    assert values == pytest.approx([np.exp(-30), np.log(2), 20.5, 500.0])


def test_a_law_of_its_form_is_predicted(rows: ServingRows) -> None:
    found = fit_srfa(rows, WEAK)
    assert np.mean(np.abs(found.step_us(rows) / LAW.step_us(rows) - 1)) < 0.02
    assert (found.gamma >= 0).all()
    assert (fit_with(WEAK)(rows)(rows) == found.step_us(rows)).all()


def test_ridges_are_chosen_of_the_documented_ones(rows: ServingRows) -> None:
    chosen = choose_ridges(rows.taken(np.arange(0, len(rows), 4)))
    assert {chosen.gamma, chosen.beta} <= {0.01, 0.1, 1.0}
    assert chosen.delta in {0.5, 1.0, 2.0}
