"""How many readings a bisection is said to take."""

import numpy as np
import pytest

from moeprof.compare.bisection.decision import Rules
from moeprof.compare.bisection.expected import expected, rest
from moeprof.stats.change_point import ChangePoint

NO_DRIFT = Rules(may_drift=False)


def test_more_noise_takes_more_readings() -> None:
    quiet, noisy = (expected(16, 0.05, noise, 1000, NO_DRIFT) for noise in (0.005, 0.03))
    assert quiet.readings < 30 < noisy.readings
    assert not quiet.is_cut
    assert 4 <= quiet.builds <= 16


def test_the_same_seed_says_the_same() -> None:
    assert expected(8, 0.05, 0.01, 6, NO_DRIFT, 3) == expected(8, 0.05, 0.01, 6, NO_DRIFT, 3)


def test_a_noise_that_few_readings_show_may_take_many_more() -> None:
    known, guessed = (expected(16, 0.05, 0.02, freedom, NO_DRIFT) for freedom in (1000, 6))
    assert guessed.readings_p90 > known.readings_p90 >= known.readings


def place(posterior: list[float]) -> ChangePoint:
    n = len(posterior)
    return ChangePoint(np.array(posterior), np.full(n, 0.03), np.zeros(n), np.full(n, 4e-4), 9.0)


def test_where_the_place_is_known_nothing_is_left() -> None:
    assert rest(place([0.99, 0.01]), error=0.05) == 0.0


def test_twice_the_doubt_takes_more() -> None:
    two, four = rest(place([0.5, 0.5]), 0.05), rest(place([0.25] * 4), 0.05)
    assert 0 < two < four
    assert rest(place([0.5, 0.5]), 0.01) > two
    assert two == pytest.approx(rest(place([0.5, 0.5]), 0.05))
