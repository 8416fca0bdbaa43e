import pytest

from moeprof.router.control.controller import Targets, Telemetry
from moeprof.router.control.registry import CONTROLLERS, ControllerName, make_controller
from moeprof.store.errors import BadInput
from moeprof.tests.router.control.serving import LAYER


@pytest.mark.parametrize("name", CONTROLLERS)
def test_each_controller_answers_a_bias_per_expert(name: ControllerName) -> None:
    controller = make_controller(name, LAYER, Targets(power_w=250.0, temp_c=66.0))
    decision = controller.tick(Telemetry(0.1, 300.0, 60.0, 100e3))
    assert decision.bias.shape == (4,)
    assert decision.bias.mean() == pytest.approx(0.0, abs=1e-6)


def test_an_unknown_controller_is_refused() -> None:
    with pytest.raises(BadInput, match="no controller 'bang-bang'"):
        make_controller("bang-bang", LAYER, Targets(power_w=250.0))  # type: ignore[arg-type]


def test_targets_below_the_floor_are_refused() -> None:
    with pytest.raises(BadInput, match="unreachable"):
        make_controller("pi", LAYER, Targets(power_w=90.0))
