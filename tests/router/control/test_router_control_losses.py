import pytest

from moeprof.router.control.controller import Targets, Telemetry
from moeprof.router.control.losses import losses

TARGETS = Targets(power_w=400.0, temp_c=60.0, latency_s=0.01, tokens_per_s=1000.0)


def test_each_loss_is_relative_to_its_target() -> None:
    found = losses(TARGETS, Telemetry(0.1, 440.0, 66.0, 500.0, 0.02))
    assert found == {
        "ttha_power_loss": pytest.approx(0.01),
        "ttha_temp_loss": pytest.approx(0.01),
        "ttha_latency_penalty": pytest.approx(1.0),
        "ttha_throughput_bonus": 0.5,
    }


def test_within_the_targets_there_is_no_loss_and_the_whole_bonus() -> None:
    found = losses(TARGETS, Telemetry(0.1, 300.0, 50.0, 2000.0, 0.001))
    assert list(found.values()) == [0.0, 0.0, 0.0, 1.0]


def test_what_was_not_measured_has_no_loss() -> None:
    assert losses(TARGETS, Telemetry(0.1)) == {}
    assert losses(Targets(), Telemetry(0.1, 300.0, 50.0, 2000.0, 0.001)) == {}
