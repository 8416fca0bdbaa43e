import pytest

from moeprof.router.control.controller import Targets, Telemetry
from moeprof.router.control.pi import ProportionalIntegral
from moeprof.router.control.power_model import PowerModel
from moeprof.tests.router.control.serving import LAYER, MODEL, served


def test_a_target_is_held_in_the_end() -> None:
    controller = ProportionalIntegral(MODEL, Targets(power_w=270.0))
    assert served(controller, 60.0, tokens_per_s=100e3, gain=1.2) == pytest.approx(270.0, abs=1.0)


def test_it_does_not_wind_up() -> None:
    controller = ProportionalIntegral(MODEL, Targets(power_w=150.0))
    served(controller, 300.0, tokens_per_s=100e3)
    assert served(controller, 10.0, tokens_per_s=10e3, from_s=300.0) == pytest.approx(120.0)


def test_heat_counts_in_w() -> None:
    controller = ProportionalIntegral(MODEL, Targets(power_w=300.0, temp_c=60.0))
    assert controller.tick(Telemetry(0.1, 200.0, 63.0)).terms["error_w"] == 60.0


def test_without_a_reading_it_holds() -> None:
    controller = ProportionalIntegral(MODEL, Targets(power_w=200.0))
    decision = controller.tick(Telemetry(0.1, 300.0))
    assert controller.tick(Telemetry(0.2)) is decision


def test_the_kl_budget_limits_it() -> None:
    model = PowerModel(LAYER, 0.02)
    controller = ProportionalIntegral(model, Targets(power_w=110.0))
    for at in range(1, 600):
        decision = controller.tick(Telemetry(at / 10, 300.0))
    assert decision.price_per_j == pytest.approx(model.budget_price_per_j)
