"""The generalised extreme Studentised deviate, against the published example."""

import numpy as np
import pytest

from moeprof.stats.many.outliers import lying_apart

# Rosner 1983, the example of the NIST/SEMATECH e-Handbook, section 1.3.5.17.3: three outliers.
ROSNER = [
    -0.25, 0.68, 0.94, 1.15, 1.20, 1.26, 1.26, 1.34, 1.38, 1.43, 1.49, 1.49, 1.55, 1.56, 1.58, 1.65,
    1.69, 1.70, 1.76, 1.77, 1.81, 1.91, 1.94, 1.96, 1.99, 2.06, 2.09, 2.10, 2.14, 2.15, 2.23, 2.24,
    2.26, 2.35, 2.37, 2.40, 2.47, 2.54, 2.62, 2.64, 2.90, 2.92, 2.92, 2.93, 3.21, 3.26, 3.30, 3.59,
    3.68, 4.30, 4.64, 5.34, 5.42, 6.01,
]  # fmt: skip


def test_the_published_example_has_its_three_outliers() -> None:
    found = lying_apart(np.array(ROSNER), np.zeros(len(ROSNER)), 0.05)
    out = {ROSNER[at] for at in range(len(ROSNER)) if at not in found.left}
    assert out == {5.34, 5.42, 6.01}


def test_two_outliers_do_not_hide_each_other() -> None:
    values = np.array([0.001, 0.30, -0.001, 0.31, 0.0, 0.002, -0.002])
    found = lying_apart(values, np.zeros(7), 0.05)
    assert found.left == (0, 2, 4, 5, 6)


def test_a_value_that_is_not_sure_of_itself_is_not_apart() -> None:
    values = np.array([0.001, 0.05, -0.001, 0.0, 0.002])
    assert 1 not in lying_apart(values, np.zeros(5), 0.05).left
    assert 1 in lying_apart(values, np.array([0.001, 0.04, 0.001, 0.001, 0.001]), 0.05).left


@pytest.mark.parametrize("count", [1, 2, 3])
def test_of_three_values_none_is_apart(count: int) -> None:
    values = np.array([0.0, 0.0, 9.0])[:count]
    assert lying_apart(values, np.zeros(count), 0.05).left == tuple(range(count))


def test_alike_values_are_called_apart_as_rarely_as_stated() -> None:
    rng = np.random.default_rng(1)
    found = [lying_apart(rng.normal(size=7), np.zeros(7), 0.05).left for _ in range(1000)]
    assert 0.01 < np.mean([len(left) < 7 for left in found]) < 0.055
