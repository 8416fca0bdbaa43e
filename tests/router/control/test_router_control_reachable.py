import pytest

from moeprof.router.control.controller import Targets
from moeprof.router.control.power_model import PowerModel
from moeprof.router.control.reachable import check_reachable
from moeprof.store.cost_model import Pole, ThermalResponse
from moeprof.store.errors import BadInput
from moeprof.tests.router.control.serving import MODEL, NO_ENERGY

RESPONSE = ThermalResponse((Pole(3.0, 0.05), Pole(60.0, 0.05)), 30.0, 0.1, hot_s=300.0)


@pytest.mark.parametrize(
    ("targets", "sentence", "hint"),
    [
        (Targets(power_w=100.0), "power_w of 100 W is unreachable", "the floor is 100 W"),
        (Targets(temp_c=40.0), "temp_c of 40 °C is unreachable", "the floor is 40 °C"),
    ],
)
def test_a_target_at_the_floor_is_unreachable(targets: Targets, sentence: str, hint: str) -> None:
    with pytest.raises(BadInput, match=sentence) as refusal:
        check_reachable(MODEL, targets, RESPONSE)
    assert hint in refusal.value.hint


def test_without_energy_only_latency_can_be_held() -> None:
    model = PowerModel(NO_ENERGY)
    with pytest.raises(BadInput, match="the cost model has no energy: none"):
        check_reachable(model, Targets(power_w=300.0))
    check_reachable(model, Targets(latency_s=1.0))


def test_targets_above_the_floor_pass() -> None:
    check_reachable(MODEL, Targets(power_w=100.1, temp_c=40.1), RESPONSE)
    check_reachable(MODEL, Targets(temp_c=20.0))
