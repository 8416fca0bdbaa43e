"""SRFA's terms add up to its law; softplus is that of us."""

import numpy as np
import pytest

from moeprof.costmodel.steptime.features.steps import Array
from moeprof.costmodel.steptime.rows.serving_rows import columns_of
from moeprof.costmodel.steptime.srfa.features import COMPUTED, FIXED, MOE, srfa_columns
from moeprof.costmodel.steptime.srfa.form import Srfa, softplus, softplus_of, softplus_slope
from moeprof.tests.costmodel.steptime.whole_models import many_deployments, rows_of

ROWS = rows_of(*many_deployments(), sizes=3)
VALUES: Array = np.asarray([-800.0, -30.0, -1.0, 0.0, 3.0, 19.9, 20.5, 500.0])


def test_softplus_is_positive_and_the_identity_above_20() -> None:
    found = softplus(VALUES)
    assert found[1:4] == pytest.approx([np.exp(-30), np.log1p(np.exp(-1)), np.log(2)])
    assert found[-2:].tolist() == [20.5, 500.0]
    assert [softplus_of(value) for value in VALUES.tolist()] == pytest.approx(found, abs=1e-15)


def test_the_slope_of_softplus_is_its_difference() -> None:
    step = 1e-6
    inside = VALUES[1:-2]
    difference = (softplus(inside + step) - softplus(inside - step)) / (2 * step)
    assert softplus_slope(inside) == pytest.approx(difference, abs=1e-6)
    assert softplus_slope(VALUES[-2:]).tolist() == [1.0, 1.0]


@pytest.mark.parametrize("beta", [0.5, -0.5])
def test_terms_add_up_to_the_law(beta: float) -> None:
    law = Srfa(dict.fromkeys(FIXED, 2.0), 1.5, dict.fromkeys(COMPUTED, beta))
    columns = srfa_columns(ROWS)
    fixed, computed = (
        np.sum([columns[name] for name in part], axis=0) for part in (FIXED, COMPUTED)
    )
    expected = 2 * fixed + 1.5 * columns[MOE] + softplus(beta * np.asarray(computed))
    assert sum(law.terms_us(ROWS).values()) == pytest.approx(expected)


def test_the_read_of_weights_is_told_by_layers_and_experts() -> None:
    law = Srfa(dict.fromkeys(FIXED, 0.0), 1.0, dict.fromkeys(COMPUTED, 0.0) | {"weights_time": 2.0})
    terms, columns = law.terms_us(ROWS), columns_of(ROWS)
    assert "weights_time" not in terms
    for name in ("dense_weights", "expert_weights"):
        assert terms[name] == pytest.approx(2 * columns[name])
