"""Half widths by Student's t, against scipy's own interval."""

import subprocess
import sys

import numpy as np
import pytest
from scipy import stats

from moeprof.stats.student import half_width, mean_half_width


@pytest.mark.parametrize("freedom", [1, 3, 30])
@pytest.mark.parametrize("level", [0.5, 0.95, 0.99])
def test_it_is_the_quantile_times_the_standard_error(freedom: int, level: float) -> None:
    _, high = stats.t.interval(level, freedom, scale=2.5)
    assert half_width(2.5, freedom, level) == pytest.approx(high)


def test_the_interval_of_a_mean_comes_from_its_values() -> None:
    values = np.array([4.0, 5.0, 7.0, 6.5])
    low, high = stats.t.interval(0.95, 3, loc=values.mean(), scale=stats.sem(values))
    assert mean_half_width(values) == pytest.approx((high - low) / 2)


def test_importing_the_statistics_loads_no_scipy() -> None:
    names = ("blocks", "conformal", "measured", "median", "repeatability", "student")
    lines = [*(f"import moeprof.stats.{name}" for name in names), "import sys"]
    code = "; ".join([*lines, "print('scipy' in sys.modules)"])
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=600)
    assert (done.stdout, done.stderr) == ("False\n", "")
