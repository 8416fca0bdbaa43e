"""SRFA's terms add up to its law."""

import numpy as np
import pytest

from moeprof.costmodel.steptime.srfa import COMPUTED, FIXED, Srfa, softplus, srfa_columns
from moeprof.tests.costmodel.steptime.whole_models import many_deployments, rows_of

ROWS = rows_of(*many_deployments(), sizes=3)


def test_softplus_is_positive_and_the_identity_above_20() -> None:
    values = softplus(np.asarray([-30.0, 0.0, 20.5, 500.0]))
    assert values == pytest.approx([np.exp(-30), np.log(2), 20.5, 500.0])


@pytest.mark.parametrize("beta", [0.5, -0.5])
def test_terms_add_up_to_the_law(beta: float) -> None:
    law = Srfa(dict.fromkeys(FIXED, 2.0), dict.fromkeys(COMPUTED, beta))
    fixed, computed = (sum(part.values()) for part in srfa_columns(ROWS))
    expected = 2 * np.asarray(fixed) + softplus(beta * np.asarray(computed))
    assert sum(law.terms_us(ROWS).values()) == pytest.approx(expected)


def test_features_are_the_documented_ones() -> None:
    fixed, computed = srfa_columns(ROWS)
    assert (tuple(fixed), tuple(computed)) == (FIXED, COMPUTED)
    assert (len(fixed), len(computed)) == (4, 7)
    split = np.asarray([served.tp for served in ROWS.deployments])[ROWS.which]
    assert (fixed["all_reduce_layers"][split == 1] == 0).all()
    assert (computed["mixed_batch"] <= 0.25).all()
