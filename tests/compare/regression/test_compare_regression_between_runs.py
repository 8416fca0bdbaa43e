"""The spread of the curves that did not change is the error of those that may have."""

import numpy as np
import pytest

from moeprof.compare.regression.between_runs import (
    FEWEST_CURVES,
    at_each_size,
    over_all_sizes,
    shared_by,
)
from moeprof.compare.regression.paired import Pairs, pairs_of
from moeprof.tests.compare.regression.made_sides import OPS, make_side


def made_pairs(changes: dict[str, float], size_sd: float = 0.0) -> list[Pairs]:
    ops = tuple(changes)
    rng = np.random.default_rng(7)
    old = make_side(ops=ops, digest="old")
    new = make_side(changes, ops=ops, digest="new", rng=rng, size_sd=size_sd)
    return pairs_of(old, new, {})[0]


def test_what_most_share_is_told_without_the_one_that_is_apart() -> None:
    changes = dict(zip(OPS, (1.05, 1.051, 1.3, 1.049, 1.05, 1.052, 1.048), strict=True))
    shared = shared_by(made_pairs(changes), 0.05, same_run=False)
    assert shared is not None
    assert shared.n == 6
    assert np.exp(shared.common.mean) == pytest.approx(1.05, abs=0.001)
    assert min(shared.p_apart, key=lambda curve: shared.p_apart[curve]).startswith("gelu")


def test_too_few_curves_share_nothing() -> None:
    few = dict.fromkeys(OPS[: FEWEST_CURVES - 1], 1.0)
    assert shared_by(made_pairs(few), 0.05, same_run=False) is None


def test_a_whole_curve_is_as_sure_as_others_lie_together() -> None:
    changes = dict(zip(OPS, (1.1, 0.98, 1.02, 0.99, 1.01, 1.0, 0.97), strict=True))
    pairs = made_pairs(changes)
    shared = shared_by(pairs, 0.05, same_run=False)
    assert shared is not None
    found = over_all_sizes(pairs[0], shared)
    assert found.sd[0] == pytest.approx(shared.common.between * (1 + 1 / shared.n) ** 0.5, rel=0.01)
    assert found.freedom[0] == shared.n - 1


def test_single_sizes_add_how_they_scatter() -> None:
    pairs = made_pairs(dict.fromkeys(OPS, 1.0), size_sd=0.02)
    shared = shared_by(pairs, 0.05, same_run=False)
    assert shared is not None
    whole, single = over_all_sizes(pairs[0], shared), at_each_size(pairs[0], shared)
    assert (single.sd > whole.sd[0]).all()
    assert np.sqrt(np.median(single.sd**2) - whole.sd[0] ** 2) == pytest.approx(0.02, rel=0.5)


def test_within_one_run_nothing_lies_between() -> None:
    shared = shared_by(made_pairs({"fc1": 1.0}), 0.05, same_run=True)
    assert shared is not None
    assert (shared.common.mean, shared.common.between, shared.n) == (0.0, 0.0, 0)
