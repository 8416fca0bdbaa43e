import numpy as np
import pytest

from moeprof.router.static.drawn_batch import drawn_batch
from moeprof.router.static.plan import Occasion, plan_static
from moeprof.tests.router.instances import drawn

COSTS, SHARES = drawn(seed=0, experts=16)
PLAN = plan_static(COSTS, Occasion(2 * SHARES, 16))


def test_a_drawn_batch_reads_fewer_experts_and_gives_up_little_mass() -> None:
    assert PLAN.charges is not None
    found = drawn_batch(PLAN, PLAN.charges)
    assert found.own_counts.sum() == found.counts.sum() == 2 * 16
    assert np.count_nonzero(found.counts) < np.count_nonzero(found.own_counts)
    assert not found.counts[~found.chosen.kept].any()
    assert 0 < found.kl_nats < 16
    again = drawn_batch(PLAN, PLAN.charges)
    assert (found.counts == again.counts).all()


def test_without_charges_nothing_changes_but_by_the_bias() -> None:
    found = drawn_batch(PLAN, np.zeros(16))
    assert found.kl_nats == pytest.approx(0, abs=2)
    assert np.count_nonzero(found.counts) == pytest.approx(
        np.count_nonzero(found.own_counts), abs=1
    )


def test_at_least_top_k_experts_are_kept_at_any_charge() -> None:
    found = drawn_batch(PLAN, np.full(16, 1e9))
    assert found.chosen.kept.sum() >= 2
    assert found.counts.max() <= 16
