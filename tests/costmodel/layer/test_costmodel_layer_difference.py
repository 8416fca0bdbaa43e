"""The difference of a layer from the sum of its parts: found again, with an interval."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moeprof.costmodel.layer.difference import as_one_unit_us, fit_difference

SUMS_US = [float(100 * 1.3**step) for step in range(24)]


@settings(max_examples=30)
@given(gap_us=st.floats(-5, 5), overlap=st.floats(-0.3, 0.3), parts=st.integers(2, 9))
def test_a_gap_and_an_overlap_are_found_again(gap_us: float, overlap: float, parts: int) -> None:
    layers_us = [(1 - overlap) * one + gap_us * (parts - 1) for one in SUMS_US]
    found = fit_difference(layers_us, SUMS_US, parts)
    assert found.gap_us == pytest.approx(gap_us, abs=1e-6)
    assert found.overlap_share == pytest.approx(overlap, abs=1e-6)
    assert found.half_95 < 1e-6
    for layer_us, sum_us in zip(layers_us, SUMS_US, strict=True):
        assert as_one_unit_us(found, sum_us, parts) == pytest.approx(layer_us)


def test_a_few_disturbed_sizes_do_not_move_it() -> None:
    layers_us = [0.9 * one + 2 * 7 for one in SUMS_US]
    layers_us[3] *= 2
    layers_us[17] *= 3
    found = fit_difference(layers_us, SUMS_US, 8)
    assert found.gap_us == pytest.approx(2, rel=0.1)
    assert found.overlap_share == pytest.approx(0.1, abs=0.01)
    assert found.half_95 > 0.5


@pytest.mark.parametrize("noise", [0.01, 0.05])
def test_its_interval_covers_sizes_that_it_did_not_see(noise: float) -> None:
    covered = []
    for seed in range(40):
        random = np.random.default_rng(seed)
        layers_us = np.array([0.95 * one + 10 for one in SUMS_US])
        seen = layers_us * np.exp(random.normal(0, noise, len(SUMS_US)))
        found = fit_difference(seen.tolist(), SUMS_US, 8)
        later = layers_us * np.exp(random.normal(0, noise, len(SUMS_US)))
        predicted = np.array([as_one_unit_us(found, one, 8) for one in SUMS_US])
        covered.append(np.mean(np.abs(np.log(later / predicted)) <= found.half_95))
    assert np.mean(covered) > 0.92


def test_of_equal_sums_only_their_level_is_known() -> None:
    found = fit_difference([90.0] * 6, [100.0] * 6, 8)
    assert found.gap_us == 0
    assert found.overlap_share == pytest.approx(0.1)


def test_far_below_the_sizes_of_the_fit_some_time_is_left() -> None:
    found = fit_difference([0.9 * one - 8 * 7 for one in SUMS_US], SUMS_US, 8)
    assert as_one_unit_us(found, 1.0, 8) == 0.01


def test_few_sizes_have_an_interval_of_twice_their_largest_error() -> None:
    sums_us = [100.0 * 2**step for step in range(6)]
    few = fit_difference([102.0, 199.0, 405.0, 790.0, 1610.0, 3190.0], sums_us, 3)
    assert few.n == 6
    assert 0.01 < few.half_95 < 0.2
    assert few.overlap_share_95 is not None
    assert few.overlap_share_95[0] <= few.overlap_share <= few.overlap_share_95[1]
