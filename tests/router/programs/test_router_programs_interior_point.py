import numpy as np
import pytest

from moeprof.router.hull import hull_of
from moeprof.router.programs.batch import Batch
from moeprof.router.programs.dual import Hulls, LoadDual
from moeprof.router.programs.interior_point import CentralPath
from moeprof.tests.router.instances import IDLE_W, drawn


@pytest.mark.parametrize("kl_price_j", [1e-9, 1e-6, 1e-2])
def test_the_path_ends_where_its_own_gap_is_gone(kl_price_j: float) -> None:
    """At steep prices too, where the program is almost linear."""
    costs, shares = drawn(2, experts=24, gpus=6)
    energy, latency = (hull_of(costs.loads, each) for each in (costs.energy_j, costs.latency_s))
    hulls = Hulls.over(costs.loads, energy, latency, costs.gpu_of, 6)
    batch = Batch(2048 * shares, kl_price_j, IDLE_W + 500.0, headroom_w=3000.0)
    dual = LoadDual(hulls, batch)
    path = CentralPath(dual.pieces())
    first_j, steps = path.gap_j, 0
    while path.gap_j > 1e-9 * first_j:
        path.step()
        steps += 1
    assert steps < 50
    assert path.loads().sum() == pytest.approx(2048)
    assert path.weights_w.sum() == pytest.approx(batch.period_price_w)
    point = dual.at(path.weights_w * (batch.period_price_w / path.weights_w.sum()))
    inside = dual.at_loads(path.loads(), point)
    assert inside.objective_j == pytest.approx(point.bound_j, rel=1e-5)
    assert np.isfinite(path.weights_w).all()
