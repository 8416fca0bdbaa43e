"""An interval reaches as far as errors did, and is not told where rows are too few."""

from math import exp

import numpy as np
import pytest

from moeprof.costmodel.steptime.fit.factors import interval_factors


def test_so_many_percent_of_the_errors_lie_within_the_factor() -> None:
    ratios = np.linspace(-0.99, 0.99, 199)
    factors = interval_factors(ratios)
    assert factors["90"] == pytest.approx(exp(0.9), rel=0.02)
    assert list(factors.values()) == sorted(factors.values())


def test_few_rows_tell_no_wide_interval() -> None:
    assert set(interval_factors(np.zeros(10))) == {"50", "80", "90"}
    assert interval_factors(np.zeros(0)) == {}
