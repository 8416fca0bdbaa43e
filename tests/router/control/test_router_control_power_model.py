import numpy as np
import pytest

from moeprof.router.control.power_model import Correction, PowerModel
from moeprof.router.control.served_layer import ServedLayer, kl_nats, tilted
from moeprof.router.expert_costs import ExpertCosts
from moeprof.store.errors import BadInput
from moeprof.tests.router.control.serving import IDLE_W, LAYER, LOADS, MODEL, NO_ENERGY

ANY = (0.0, MODEL.highest_price_per_j)


def test_a_price_saves_energy_and_changes_routing() -> None:
    assert MODEL.energy_at_j(0.0) == pytest.approx(2e-3)
    assert MODEL.kl_at_nats(0.0) == 0.0
    assert (np.diff(MODEL.energy_j) <= 0).all()
    assert (np.diff(MODEL.kl_nats) >= -1e-12).all()


@pytest.mark.parametrize("price", [0.0, 250.0, 1000.0])
def test_the_bias_of_a_price_gives_what_the_model_says(price: float) -> None:
    bias = MODEL.bias(price)
    shares = tilted(LAYER.shares, bias, LAYER.top_k)
    assert bias.mean() == pytest.approx(0.0, abs=1e-12)
    assert LAYER.energy_per_token_j(shares) == pytest.approx(MODEL.energy_at_j(price), rel=1e-3)
    assert kl_nats(shares, LAYER.shares) == pytest.approx(MODEL.kl_at_nats(price), abs=1e-3)


def test_a_limit_is_met_by_the_lowest_price() -> None:
    answer = MODEL.meet(IDLE_W + 150.0, 100e3, Correction(), ANY)
    assert answer.deferred_share == 0.0
    assert 100e3 * MODEL.energy_at_j(answer.price_per_j) == pytest.approx(150.0)
    assert MODEL.meet(IDLE_W + 201.0, 100e3, Correction(), ANY).price_per_j == 0.0


def test_offset_and_gain_take_from_the_limit() -> None:
    corrected = MODEL.meet(IDLE_W + 210.0, 100e3, Correction(offset_w=30.0, gain=1.2), ANY)
    assert corrected.price_per_j == pytest.approx(
        MODEL.meet(IDLE_W + 150.0, 100e3, Correction(), ANY).price_per_j
    )


def test_tokens_wait_only_at_the_highest_price() -> None:
    answer = MODEL.meet(IDLE_W + 50.0, 100e3, Correction(), ANY)
    assert answer.price_per_j == MODEL.highest_price_per_j
    served_w = 100e3 * (1 - answer.deferred_share) * MODEL.energy_at_j(answer.price_per_j)
    assert served_w == pytest.approx(50.0)


def test_without_arrivals_nothing_changes() -> None:
    answer = MODEL.meet(IDLE_W - 50.0, 0.0, Correction(), ANY)
    assert (answer.price_per_j, answer.deferred_share) == (0.0, 0.0)


@pytest.mark.parametrize("budget_nats", [0.0, 0.05, 0.2])
def test_no_price_spends_more_than_the_budget(budget_nats: float) -> None:
    model = PowerModel(LAYER, budget_nats)
    assert model.kl_at_nats(model.highest_price_per_j) <= budget_nats + 1e-12
    assert model.highest_price_per_j <= MODEL.highest_price_per_j


def test_experts_alike_have_no_price() -> None:
    alike = ExpertCosts(
        LOADS, np.tile(LOADS, (4, 1)), np.tile(LOADS, (4, 1)), 1.0, np.zeros(4, int)
    )
    model = PowerModel(ServedLayer(alike, np.full(4, 0.25), 64, 1))
    answer = model.meet(2.0, 10.0, Correction(), (0.0, model.highest_price_per_j))
    assert answer.price_per_j == 0.0
    assert answer.deferred_share > 0
    assert not model.bias(answer.price_per_j).any()


def test_without_energy_a_price_saves_time() -> None:
    model = PowerModel(NO_ENERGY)
    assert model.highest_price_per_j > 0
    assert model.latency_at_s(model.highest_price_per_j) < model.latency_at_s(0.0)


def test_prices_keep_a_latency() -> None:
    slow, fast = MODEL.latency_at_s(0.0), MODEL.latency_at_s(MODEL.highest_price_per_j)
    low, high = MODEL.within_latency((slow + fast) / 2)
    assert 0 < low < high == MODEL.highest_price_per_j
    assert MODEL.latency_at_s(low) <= (slow + fast) / 2
    assert MODEL.within_latency(slow) == ANY
    assert MODEL.within_latency(fast / 2) == (MODEL.highest_price_per_j,) * 2


def test_a_negative_budget_is_refused() -> None:
    with pytest.raises(BadInput, match="the KL budget is -1"):
        PowerModel(LAYER, -1.0)
