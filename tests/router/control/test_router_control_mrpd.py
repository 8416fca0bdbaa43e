import numpy as np
import pytest

from moeprof.router.control.controller import Targets, Telemetry
from moeprof.router.control.mrpd import ModelReference
from moeprof.router.control.power_model import PowerModel
from moeprof.router.control.served_layer import tilted
from moeprof.store.cost_model import Pole
from moeprof.tests.router.control.serving import IDLE_W, LAYER, MODEL, NO_ENERGY, served


def test_a_target_of_power_is_held_from_the_first_second() -> None:
    controller = ModelReference(MODEL, Targets(power_w=270.0))
    assert served(controller, 1.0, tokens_per_s=100e3) == pytest.approx(270.0, abs=10.0)


@pytest.mark.parametrize(("offset_w", "gain"), [(25.0, 1.0), (0.0, 1.25), (0.0, 0.8)])
def test_it_is_held_on_a_gpu_beside_the_model(offset_w: float, gain: float) -> None:
    controller = ModelReference(MODEL, Targets(power_w=250.0))
    held_w = served(controller, 20.0, tokens_per_s=100e3, offset_w=offset_w, gain=gain)
    assert held_w == pytest.approx(250.0, abs=3.0)


def test_below_the_target_nothing_changes() -> None:
    controller = ModelReference(MODEL, Targets(power_w=350.0))
    decision = controller.tick(Telemetry(0.1, IDLE_W + 200.0, 50.0, 100e3))
    assert not decision.bias.any()
    assert (decision.price_per_j, decision.deferred_share) == (0.0, 0.0)


def test_tokens_wait_where_no_routing_keeps_the_target() -> None:
    controller = ModelReference(MODEL, Targets(power_w=150.0))
    assert served(controller, 5.0, tokens_per_s=100e3) == pytest.approx(150.0, abs=3.0)
    decision = controller.tick(Telemetry(6.0, 150.0, None, 100e3))
    assert decision.price_per_j == MODEL.highest_price_per_j
    assert decision.deferred_share > 0.4


def test_a_target_of_throughput_lets_fewer_wait() -> None:
    controller = ModelReference(MODEL, Targets(power_w=150.0, tokens_per_s=80e3))
    decision = controller.tick(Telemetry(0.1, 250.0, None, 100e3))
    assert decision.deferred_share == pytest.approx(0.2)


def test_a_hot_gpu_gets_less_power() -> None:
    poles = (Pole(3.0, 0.05), Pole(60.0, 0.05))
    controller = ModelReference(MODEL, Targets(temp_c=60.0), poles)
    decision = controller.tick(Telemetry(0.1, IDLE_W + 200.0, 64.0, 100e3))
    assert decision.price_per_j is not None
    assert decision.price_per_j > 0
    assert decision.terms["limit_w"] < IDLE_W + 200


def test_a_target_of_latency_has_a_price_of_its_own() -> None:
    slow_s, fast_s = (MODEL.latency_at_s(p) for p in (0.0, MODEL.highest_price_per_j))
    for model in (MODEL, PowerModel(NO_ENERGY)):
        controller = ModelReference(model, Targets(latency_s=(slow_s + fast_s) / 2))
        decision = controller.tick(Telemetry(0.1, 300.0, 50.0, 1e3))
        assert decision.price_per_j is not None
        assert model.latency_at_s(decision.price_per_j) <= (slow_s + fast_s) / 2
        assert decision.price_per_j < model.highest_price_per_j


def test_the_kl_budget_is_a_hard_stop_whatever_the_shares_do() -> None:
    budget_nats = 0.05
    model = PowerModel(LAYER, budget_nats)
    controller = ModelReference(model, Targets(power_w=150.0), kl_budget_nats=budget_nats)
    far = np.array([0.01, 0.49, 0.01, 0.49])
    prices = [
        controller.tick(Telemetry(at / 10, 250.0, None, 100e3, shares=far)).price_per_j
        for at in range(1, 80)
    ]
    assert prices[0] == pytest.approx(model.highest_price_per_j, rel=0.2)
    assert prices[-1] is not None
    assert prices[-1] < 0.01 * model.highest_price_per_j


def test_without_readings_the_arrivals_are_still_followed() -> None:
    controller = ModelReference(MODEL, Targets(power_w=250.0))
    served(controller, 10.0, tokens_per_s=70e3, gain=1.2)
    for at_s in (10.1, 10.2):
        decision = controller.tick(Telemetry(at_s, None, None, 100e3))
    assert decision.price_per_j is not None
    power_w = IDLE_W + 1.2 * 100e3 * MODEL.energy_at_j(decision.price_per_j)
    assert power_w == pytest.approx(250.0, abs=8.0)


def test_a_tick_that_is_no_later_changes_nothing() -> None:
    controller = ModelReference(MODEL, Targets(power_w=250.0))
    decision = controller.tick(Telemetry(1.0, 300.0, None, 100e3))
    assert controller.tick(Telemetry(1.0, 100.0, None, 1.0)) is decision


def test_without_arrivals_nothing_is_priced() -> None:
    controller = ModelReference(MODEL, Targets(power_w=250.0))
    decision = controller.tick(Telemetry(0.1, IDLE_W, 40.0, 0.0))
    assert not decision.bias.any()
    assert np.isfinite(list(decision.terms.values())).all()


@pytest.mark.parametrize("response", [0.6, 1.0, 1.8])
def test_shares_that_follow_a_price_otherwise_are_learnt(response: float) -> None:
    controller = ModelReference(MODEL, Targets(power_w=270.0))
    price, power_w = 0.0, 0.0
    for at in range(300):
        shares = tilted(LAYER.shares, response * MODEL.bias(price), LAYER.top_k)
        power_w = IDLE_W + 100e3 * float(LAYER.energy_per_token_j(shares))
        decision = controller.tick(Telemetry(at / 10, power_w, None, 100e3, shares=shares))
        price = decision.price_per_j or 0.0
    assert decision.terms["response"] == pytest.approx(response, rel=0.05)
    assert power_w == pytest.approx(270.0, abs=2.0)


@pytest.mark.parametrize("told_per_s", [None, 0.0, 60e3])
@pytest.mark.parametrize("arriving_per_s", [60e3, 100e3, 140e3])
def test_without_a_rate_of_arrivals_the_power_is_held(
    told_per_s: float | None, arriving_per_s: float
) -> None:
    controller = ModelReference(MODEL, Targets(power_w=250.0))
    for at in range(1, 5):
        controller.tick(Telemetry(at / 10, IDLE_W, None, told_per_s))
    power_w, price, served = IDLE_W, 0.0, 1.0
    for at in range(5, 400):
        power_w = IDLE_W + 1.1 * arriving_per_s * served * MODEL.energy_at_j(price)
        decision = controller.tick(Telemetry(at / 10, power_w + 0.1 * (-1) ** at))
        price, served = decision.price_per_j or 0.0, 1 - decision.deferred_share
    free_w = IDLE_W + 1.1 * arriving_per_s * MODEL.energy_at_j(0.0)
    assert power_w == pytest.approx(min(250.0, free_w), abs=2.0)
    assert "assumed_per_s" in decision.terms


def test_one_absurd_rate_changes_nothing() -> None:
    controller = ModelReference(MODEL, Targets(power_w=250.0, temp_c=70.0))
    for at in range(1, 300):
        rate_per_s = 1e12 if at in (100, 150, 151) else 60e3
        decision = controller.tick(Telemetry(at / 10, IDLE_W + 120 + at % 2, 50.0, rate_per_s))
    assert (decision.price_per_j, decision.deferred_share) == (0.0, 0.0)
