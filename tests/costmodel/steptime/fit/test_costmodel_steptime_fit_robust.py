"""Coefficients are found under outliers, never negative, and held where rows say nothing."""

import numpy as np
import pytest

from moeprof.costmodel.steptime.fit.robust import Pull, fit_relative

TRUE = np.asarray([3.0, 0.5, 0.0])


def made(rng: np.random.Generator, outliers: float) -> tuple[np.ndarray, np.ndarray]:
    """Columns over three decades, and their sum with 3 % of noise."""
    columns = 10 ** rng.uniform(0, 3, (2000, 3))
    measured = columns @ TRUE * np.exp(0.03 * rng.standard_normal(2000))
    far = rng.random(2000) < outliers
    return columns, np.where(far, measured * rng.uniform(3, 10, 2000), measured)


@pytest.mark.parametrize("outliers", [0.0, 0.05])
def test_coefficients_are_found_to_two_percent(outliers: float) -> None:
    columns, measured = made(np.random.default_rng(0), outliers)
    found = fit_relative(columns, measured, np.ones(2000))
    assert found[:2] == pytest.approx(TRUE[:2], rel=0.02)
    assert 0 <= found[2] < 0.005


def test_a_column_without_values_keeps_what_it_is_pulled_to() -> None:
    columns, measured = made(np.random.default_rng(1), 0.0)
    columns[:, 2] = 0
    weights = np.ones(2000)
    assert fit_relative(columns, measured, weights)[2] == 0
    pulled = fit_relative(columns, measured, weights, Pull(np.asarray([3.0, 0.5, 7.0]), 0.3))
    assert pulled[2] == 7


def test_few_rows_stay_near_what_they_are_pulled_to() -> None:
    rng = np.random.default_rng(2)
    columns = np.ones((40, 1))
    measured = 2 * np.exp(0.3 * rng.standard_normal(40))
    pull = Pull(np.asarray([1.0]), 0.2)
    few, many = (fit_relative(columns[:n], measured[:n], np.ones(n), pull)[0] for n in (2, 40))
    assert 1 < few < many < 2.2


def test_coefficients_are_no_smaller_than_told() -> None:
    columns, measured = made(np.random.default_rng(0), 0.05)
    least = np.asarray([1.0, 1.0, 0.0])
    found = fit_relative(columns, measured, np.ones(2000), least=least)
    assert found[1] == 1
    assert 2.5 < found[0] < 3
    pull = Pull(np.asarray([3.0, 0.5, 0.0]), 0.1)
    assert fit_relative(columns, measured, np.ones(2000), pull, least)[1] == 1
    columns[:, 1] = 0
    assert fit_relative(columns, measured, np.ones(2000), least=least)[1] == 1


def test_no_rows_tell_nothing() -> None:
    with pytest.raises(ValueError, match="one row"):
        fit_relative(np.zeros((0, 3)), np.zeros(0), np.zeros(0))
    nothing = np.zeros((5, 3))
    assert fit_relative(nothing, np.ones(5), np.ones(5)).tolist() == [0, 0, 0]
