import numpy as np
import pytest

from moeprof.router.hull import hull_of
from moeprof.router.programs.batch import Batch
from moeprof.router.programs.dual import Hulls, LoadDual
from moeprof.tests.router.instances import IDLE_W, drawn

COSTS, SHARES = drawn(4, experts=12, gpus=2)
ENERGY, LATENCY = (hull_of(COSTS.loads, each) for each in (COSTS.energy_j, COSTS.latency_s))
HULLS = Hulls.over(COSTS.loads, ENERGY, LATENCY, COSTS.gpu_of, 2)
OWN = 512 * SHARES * (np.arange(12) != 5)
DUAL = LoadDual(HULLS, Batch(OWN, 1e-6, IDLE_W, headroom_w=900.0))


def test_no_weights_bound_more_than_any_loads_cost() -> None:
    draw = np.random.default_rng(0)
    points = [DUAL.at(weights * IDLE_W) for weights in draw.dirichlet(np.ones(3), size=40)]
    assert max(p.bound_j for p in points) <= min(p.objective_j for p in points)


def test_loads_of_any_weights_sum_to_the_assignments() -> None:
    point = DUAL.at(np.array([1.0, 0.0, 0.0]) * IDLE_W)
    assert point.loads.sum() == pytest.approx(OWN.sum())
    assert point.loads[5] == 0
    assert np.isfinite(point.tilt).all()
    assert point.kl_nats >= 0


def test_the_loads_of_the_model_cost_what_their_curves_say() -> None:
    point = DUAL.at_loads(OWN[OWN > 0], DUAL.at(np.array([IDLE_W, 0.0, 0.0])))
    widths = np.diff(COSTS.loads)[:, None]
    rows = np.clip(OWN - COSTS.loads[:-1, None], 0, widths)
    assert point.kl_nats == 0
    assert point.energy_j == pytest.approx((ENERGY.slopes * rows).sum() + ENERGY.fixed @ (OWN > 0))
    assert point.demands_s[2] == pytest.approx(point.energy_j / 900)
