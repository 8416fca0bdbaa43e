import logging
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moeprof.router.control.controller import Decision, Targets, Telemetry
from moeprof.router.control.mrpd import ModelReference
from moeprof.router.control.pi import ProportionalIntegral
from moeprof.router.control.supervised import Supervised
from moeprof.tests.router.control.serving import IDLE_W, LAYER, MODEL, served

TARGETS = Targets(power_w=250.0)
ODD = st.one_of(st.none(), st.floats(-1e9, 1e9), st.sampled_from([float("nan"), float("inf"), 0.0]))
SHARES = st.sampled_from([None, LAYER.shares, np.full(4, np.nan), np.array([1.0, 0, 0, 0])])


def supervised() -> Supervised:
    return Supervised(ModelReference(MODEL, TARGETS), MODEL, TARGETS)


def test_without_telemetry_the_routing_is_static_until_it_is_back(
    caplog: pytest.LogCaptureFixture,
) -> None:
    one = supervised()
    served(one, 10.0, tokens_per_s=100e3, gain=1.2)
    with caplog.at_level(logging.WARNING):
        for at in range(100, 140):
            lost = one.tick(Telemetry(at / 10 + 0.1, None, None, 100e3))
        one.tick(Telemetry(14.2, 250.0, 50.0, 100e3))
    states = [tick.state for tick in one.history.ticks]
    assert states[-41:-22] == ["held"] * 19
    assert states[-22:-1] == ["static"] * 21
    assert states[-1] == "controlled"
    assert [record.message for record in caplog.records] == [
        "12.0 s: telemetry is lost, the routing is static until it is back",
        "14.2 s: telemetry is back, the routing is controlled again",
    ]
    assert lost.price_per_j is not None
    power_w = IDLE_W + 1.2 * 100e3 * MODEL.energy_at_j(lost.price_per_j)
    assert power_w == pytest.approx(250.0, abs=5.0)


def test_a_static_routing_is_that_of_the_highest_rate_of_late() -> None:
    one = supervised()
    for at in range(1, 100):
        rate_per_s = 100e3 if at < 50 else 60e3
        one.tick(Telemetry(at / 10, None, None, rate_per_s))
    decision = one.history.ticks[-1].decision
    assert decision.price_per_j == pytest.approx(
        ModelReference(MODEL, TARGETS).tick(Telemetry(0.1, None, None, 100e3)).price_per_j, rel=0.02
    )


def test_a_controller_that_predicts_nothing_is_static_by_the_model() -> None:
    one = Supervised(ProportionalIntegral(MODEL, TARGETS), MODEL, TARGETS)
    for at in range(1, 40):
        decision = one.tick(Telemetry(at / 10, None, None, 100e3))
    assert decision.price_per_j is not None
    assert IDLE_W + 100e3 * MODEL.energy_at_j(decision.price_per_j) == pytest.approx(250.0)


@pytest.mark.parametrize("kind", [ModelReference, ProportionalIntegral])
def test_a_static_routing_without_a_rate_is_what_was_in_force(
    kind: type[ModelReference | ProportionalIntegral],
) -> None:
    one = Supervised(kind(MODEL, TARGETS), MODEL, TARGETS)
    for at in range(100):
        before = one.tick(Telemetry(at / 10, 260.0 + at % 2))
    for at in range(100, 140):
        after = one.tick(Telemetry(at / 10))
    assert one.history.ticks[-1].state == "static"
    assert after.price_per_j == pytest.approx(before.price_per_j, rel=0.05)


def test_each_tick_has_its_losses_and_what_was_observed() -> None:
    one = supervised()
    terms = one.tick(Telemetry(0.1, 275.0, 50.0, 100e3)).terms
    assert terms["ttha_power_loss"] == pytest.approx(0.01)
    assert {"offset_w", "gain", "sensor_lag_s", "ambient_c", "limit_w"} <= set(terms)


def test_each_tick_is_certified_by_the_bias_that_was_in_force() -> None:
    one = supervised()
    first = one.tick(Telemetry(0.1, 300.0, 50.0, 100e3, shares=LAYER.shares))
    second = one.tick(Telemetry(0.2, 300.1, 50.0, 100e3, shares=LAYER.shares))
    assert first.terms["certificate_gap"] == 0.0
    assert first.price_per_j is not None
    assert second.terms["certificate_gap"] == pytest.approx(0.0, abs=1e-9)
    curious = one.tick(Telemetry(0.3, 300.2, 50.0, 100e3, shares=np.array([1, 0, 0, 0.0])))
    assert curious.terms["certificate_gap"] >= 0


@given(st.lists(st.builds(Telemetry, st.floats(-1, 5), ODD, ODD, ODD, ODD, SHARES), max_size=40))
def test_whatever_telemetry_says_the_answer_is_a_routing(told: list[Telemetry]) -> None:
    targets = Targets(power_w=250.0, temp_c=60.0, latency_s=1e-4, tokens_per_s=1e3)
    for inner in (
        ModelReference(MODEL, targets, kl_budget_nats=0.1),
        ProportionalIntegral(MODEL, targets),
    ):
        one, at_s = Supervised(inner, MODEL, targets), 0.0
        for telemetry in told:
            at_s += telemetry.at_s  # the time since the one before
            decision = one.tick(replace(telemetry, at_s=at_s))
            assert np.isfinite(decision.bias).all()
            assert decision.price_per_j is not None
            assert 0 <= decision.price_per_j <= MODEL.budget_price_per_j
            assert 0 <= decision.deferred_share < 1
            assert np.isfinite(list(decision.terms.values())).all()


@pytest.mark.parametrize("wrong_s", [float("nan"), float("inf"), 1e300, 3600.0, -300.0])
@pytest.mark.parametrize("kind", [ModelReference, ProportionalIntegral])
def test_one_wrong_time_leaves_the_power_held(
    kind: type[ModelReference | ProportionalIntegral], wrong_s: float
) -> None:
    one = Supervised(kind(MODEL, TARGETS), MODEL, TARGETS)
    served(one, 5.0, tokens_per_s=70e3)
    one.tick(Telemetry(5.0 + wrong_s, 240.5, None, 70e3))
    held_w = served(one, 20.0, tokens_per_s=90e3, from_s=5.1)
    assert held_w == pytest.approx(250.0, abs=2.0)


def test_a_tick_at_the_time_of_the_last_changes_nothing() -> None:
    one = supervised()
    decision = one.tick(Telemetry(0.1, 300.0, 50.0, 100e3))
    assert one.tick(Telemetry(0.1, 1.0, 1.0, 1.0)) is decision
    assert len(one.history) == 1


def test_a_temperature_that_is_lost_is_told_and_the_power_controlled(
    caplog: pytest.LogCaptureFixture,
) -> None:
    targets = Targets(power_w=250.0, temp_c=60.0)
    one = Supervised(ModelReference(MODEL, targets), MODEL, targets)
    with caplog.at_level(logging.WARNING):
        for at in range(60):
            temp_c = 50.0 if at < 10 or at >= 50 else None
            one.tick(Telemetry(at / 10, 240.0 + at % 2, temp_c, 60e3))
    states = [tick.state for tick in one.history.ticks]
    assert states == ["controlled"] * 29 + ["partial"] * 21 + ["controlled"] * 10
    assert [record.message[:30] for record in caplog.records] == [
        "2.9 s: the temperature is lost",
        "5.0 s: the temperature is back",
    ]


def test_a_decision_that_is_not_finite_is_replaced_by_the_static_one() -> None:
    class Broken:
        def tick(self, telemetry: Telemetry) -> Decision:
            return Decision(np.full(4, np.nan))

    one = Supervised(Broken(), MODEL, TARGETS)
    decision = one.tick(Telemetry(0.1, 300.0, 50.0, 100e3))
    assert np.isfinite(decision.bias).all()
    assert decision.bias.any()
    assert one.history.ticks[-1].state == "static"
