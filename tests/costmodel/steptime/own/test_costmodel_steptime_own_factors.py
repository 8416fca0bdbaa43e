"""Intervals of known configurations: each by its own errors, drawn to those of all."""

import numpy as np
import pytest

from moeprof.costmodel.steptime.own.factors import log_errors_drawn, log_quantiles


def test_an_error_of_few_rows_is_drawn_to_that_of_all_as_by_eight_rows() -> None:
    whole = np.concatenate([np.full(100, 0.1), np.full(2, -0.6), [np.nan]])
    errors = {"many": whole[:100], "few": whole[100:102]}
    mean = (100 * 0.1 + 2 * 0.6) / 102
    drawn = log_errors_drawn(errors, whole)
    assert drawn["few"] == pytest.approx((1.2 + 8 * mean) / 10)
    assert drawn["many"] == pytest.approx((10 + 8 * mean) / 108)


def test_intervals_hold_their_share_of_quiet_and_of_noisy_configurations() -> None:
    """Forty configurations of forty rows each, every other with four times the error."""
    rng = np.random.default_rng(0)
    scales = np.where(np.arange(40) % 2, 0.2, 0.05)
    errors = {str(at): scale * rng.standard_normal(40) for at, scale in enumerate(scales)}
    whole = np.concatenate(list(errors.values()))
    quantile, drawn = log_quantiles(errors, whole)["90"], log_errors_drawn(errors, whole)
    shares = [
        np.mean(np.abs(scale * rng.standard_normal(400)) <= quantile * drawn[str(at)])
        for at, scale in enumerate(scales)
    ]
    noisy, quiet = np.mean(shares[1::2]), np.mean(shares[::2])
    assert 0.88 < np.mean(shares) < 0.92
    assert 0.82 < noisy < quiet < 0.96


def test_few_rows_tell_no_high_coverage() -> None:
    errors = {"one": 0.1 * np.arange(1.0, 9.0)}
    assert set(log_quantiles(errors, errors["one"])) == {"50", "80"}


def test_errors_of_0_give_factors_above_1() -> None:
    errors = {"one": np.zeros(20)}
    assert min(log_errors_drawn(errors, errors["one"]).values()) > 0
    assert min(log_quantiles(errors, errors["one"]).values()) > 0
