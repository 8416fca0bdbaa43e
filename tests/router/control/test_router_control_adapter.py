import numpy as np
import pytest

from moeprof.router.control.adapter import AdapterWeights, TTHAAdapter
from moeprof.router.control.controller import Targets, Telemetry
from moeprof.store.errors import BadInput
from moeprof.tests.router.control.serving import LAYER, MODEL

HOT = Telemetry(0.1, 300.0, 70.0, 100e3, 1e-4)
ALL = Targets(power_w=250.0, temp_c=60.0, latency_s=9e-5, tokens_per_s=1e6)


def test_the_first_bias_is_zero_and_every_weight_is_reached() -> None:
    adapter = TTHAAdapter(MODEL, ALL)
    for at in range(3):
        adapter.tick(Telemetry(at / 10, 300.0, 70.0, 100e3, 1e-4))
    gradients = [weight.grad for weight in adapter.network.parameters()]
    assert all(gradient is not None and gradient.any() for gradient in gradients[:-1])


def test_it_learns_to_send_fewer_tokens_to_dear_experts() -> None:
    adapter = TTHAAdapter(MODEL, Targets(power_w=250.0), weights=AdapterWeights(learning_rate=1e-2))
    for at in range(60):
        bias = adapter.tick(Telemetry(at / 10, 300.0, None, 100e3)).bias
    assert bias[[0, 2]].max() < bias[[1, 3]].min()
    assert bias.mean() == pytest.approx(0.0, abs=1e-6)


def test_each_term_is_logged() -> None:
    weights = AdapterWeights(lam_u=0.1)
    terms = TTHAAdapter(MODEL, ALL, weights=weights).tick(HOT).terms
    assert set(terms) == {
        f"adapter_{name}" for name in ("lam", "lam_u", "w_power", "w_temp", "w_lat", "w_thr")
    }
    assert terms["adapter_w_power"] == pytest.approx(15.0 * 0.2**2, rel=1e-3)
    assert terms["adapter_w_thr"] == pytest.approx(-0.64, rel=1e-3)


def test_seeds_draw_the_weights_and_leave_other_draws_alone() -> None:
    biases = [TTHAAdapter(MODEL, ALL, seed=seed) for seed in (1, 1, 2)]
    same, again, other = ([one.tick(HOT) for _ in range(3)][-1].bias for one in biases)
    assert np.array_equal(same, again)
    assert not np.array_equal(same, other)


def test_without_a_reading_it_holds() -> None:
    adapter = TTHAAdapter(MODEL, ALL)
    decision = adapter.tick(HOT)
    assert adapter.tick(Telemetry(0.2, None, None, 100e3)) is decision


def test_without_a_rate_of_arrivals_it_learns_all_the_same() -> None:
    adapter = TTHAAdapter(MODEL, Targets(power_w=250.0), weights=AdapterWeights(learning_rate=1e-2))
    for at in range(60):
        bias = adapter.tick(Telemetry(at / 10, 300.0)).bias
    assert bias[[0, 2]].max() < bias[[1, 3]].min()


def test_the_prediction_is_that_of_the_cost_model() -> None:
    adapter = TTHAAdapter(MODEL, Targets(power_w=250.0))
    terms = adapter.tick(Telemetry(0.1, 300.0, None, 100e3)).terms
    assert terms["adapter_lam"] == 0.0
    assert float(LAYER.energy_per_token_j(LAYER.shares)) == pytest.approx(2e-3)


def test_a_negative_weight_is_refused() -> None:
    with pytest.raises(BadInput, match="w_temp is -1"):
        AdapterWeights(w_temp=-1.0)
