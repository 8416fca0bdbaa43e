"""Whether what is cheaper on one machine is cheaper on another."""

from moeprof.compare.regression.paired import pairs_of
from moeprof.compare.regression.ranks import rank_agreements
from moeprof.tests.compare.regression.made_sides import OPS, SIZES, make_side

COSTS = dict(zip(OPS, (1.0, 1.2, 1.4, 1.6, 1.8, 2.0, 2.2), strict=True))


def test_a_machine_twice_as_fast_ranks_all_alike() -> None:
    fast = {op: cost / 2 for op, cost in COSTS.items()}
    (found,) = rank_agreements(pairs_of(make_side(COSTS), make_side(fast), {})[0], 0.01)
    assert (found.metric, found.tau, found.held, found.lost) == ("latency", 1.0, 1.0, ())
    assert found.pairs == 21 * len(SIZES)


def test_a_saving_that_is_lost_is_named() -> None:
    other = COSTS | {"fc1": 1.3}
    (found,) = rank_agreements(pairs_of(make_side(COSTS), make_side(other), {})[0], 0.01)
    assert found.lost == (f"fc1 < fc2 at {len(SIZES)} sizes from {SIZES[0]} to {SIZES[-1]}",)
    assert found.held == 20 / 21
    assert found.tau is not None
    assert 0.8 < found.tau < 1


def test_a_difference_below_the_least_effect_is_no_saving() -> None:
    close = dict.fromkeys(OPS, 1.0) | {"fc1": 0.995}
    (found,) = rank_agreements(pairs_of(make_side(close), make_side(), {})[0], 0.01)
    assert (found.pairs, found.held) == (0, None)
