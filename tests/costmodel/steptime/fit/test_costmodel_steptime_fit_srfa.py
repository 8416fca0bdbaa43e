"""SRFA finds a law of its own form, within its bounds."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from moeprof.costmodel.steptime.fit import srfa
from moeprof.costmodel.steptime.fit.srfa import (
    CHOICES,
    Observed,
    Ridges,
    choose_ridges,
    fit_nested,
    fit_srfa,
    fit_with,
    minimum,
)
from moeprof.costmodel.steptime.rows.serving_rows import ServingRows
from moeprof.costmodel.steptime.srfa.features import COMPUTED, FIXED
from moeprof.costmodel.steptime.srfa.form import Srfa
from moeprof.costmodel.steptime.step_model import StepModel
from moeprof.tests.costmodel.steptime.whole_models import many_deployments, rows_of

WEAK = Ridges(1e-6, 1e-6, 1.0)
LAW = StepModel(
    Srfa(
        dict(zip(FIXED, (1000.0, 10.0, 5.0, 0.0), strict=True)),
        1.5,
        dict(zip(COMPUTED, (2000.0, 1.5, 1.2, 1.1, 500.0, 100.0, 1000.0, 1.2), strict=True)),
    )
)


@pytest.fixture
def rows() -> ServingRows:
    """Steps by LAW, with 3 % of noise and 5 % of outliers."""
    rows, rng = rows_of(*many_deployments(), sizes=12), np.random.default_rng(0)
    step_us = LAW.step_us(rows) * np.exp(0.03 * rng.standard_normal(len(rows)))
    far = rng.random(len(rows)) < 0.05
    return replace(rows, step_us=np.where(far, 3 * step_us, step_us))


def test_a_law_of_its_form_is_predicted(rows: ServingRows) -> None:
    found = fit_srfa(rows, WEAK)
    step_us = StepModel(found).step_us(rows)
    assert np.mean(np.abs(step_us / LAW.step_us(rows) - 1)) < 0.02
    assert min(found.gamma.values()) >= 0
    assert found.moe_scalar >= 1
    assert (fit_with(WEAK)(rows)(rows) == step_us).all()


def test_the_start_does_not_matter(rows: ServingRows) -> None:
    """From the roofline and from 0.1 of everything it ends at the same steps."""
    observed = Observed.of(rows)
    cold = np.full(len(FIXED) + 1 + len(COMPUTED), 0.1)
    warm_us, cold_us = (
        observed.predicted_us(minimum(observed, WEAK, start)) for start in (None, cold)
    )
    assert cold_us == pytest.approx(warm_us, rel=0.01)


@pytest.fixture
def every_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Choose among all ridges; other tests have 3 of them."""
    monkeypatch.setattr(srfa, "CHOICES", CHOICES)


def test_ridges_are_chosen_of_the_documented_ones(rows: ServingRows, every_choice: None) -> None:
    ridges, deltas = (0.01, 0.1, 1.0), (0.5, 1.0, 2.0)
    assert CHOICES == tuple(Ridges(*one) for one in product(ridges, ridges, deltas))
    assert choose_ridges(rows.taken(np.arange(0, len(rows), 4))) in CHOICES


def test_a_nested_fit_chooses_by_its_own_rows(rows: ServingRows) -> None:
    some = rows.taken(np.arange(0, len(rows), 4))
    assert (fit_nested(some)(rows) == fit_with(choose_ridges(some))(some)(rows)).all()
