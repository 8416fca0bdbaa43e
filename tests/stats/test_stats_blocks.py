"""Means over blocks, with the spread between blocks pooled over an operation's points."""

import numpy as np
import pytest

from moeprof.stats.blocks import NO_BLOCK, means_over_blocks


def test_the_intervals_cover_what_they_claim() -> None:
    rng = np.random.default_rng(3)
    truth = np.linspace(1, 50, 24)
    covered = []
    for _ in range(150):
        blocks = truth[:, None] * rng.normal(1, 0.01, (24, 2))
        for true, mean in zip(truth, means_over_blocks(blocks.tolist()), strict=True):
            assert mean.value is not None
            assert mean.ci95 is not None
            covered.append(abs(mean.value - true) <= mean.ci95)
    assert 0.93 < np.mean(covered) < 0.97


def test_a_block_that_is_missing_is_left_out() -> None:
    full, half, empty = means_over_blocks([[10.0, 10.2], [5.0, None], [None, None]])
    assert (full.n, half.n, empty.n) == (2, 1, 0)
    assert half.ci95 is not None
    assert full.ci95 is not None
    assert half.ci95 / 5.0 == pytest.approx(full.ci95 / 10.1 * 2**0.5)
    assert (empty.value, empty.reason) == (None, NO_BLOCK)


def test_one_block_each_gives_no_interval() -> None:
    assert [mean.ci95 for mean in means_over_blocks([[1.0], [2.0]])] == [None, None]
