from dataclasses import replace

import numpy as np
import pytest

from moeprof.router.control.controller import Targets
from moeprof.router.static.expected import expected_cost
from moeprof.router.static.power_cap import cap_of, largest_batch_within
from moeprof.store.cost_model import Pole, ThermalResponse
from moeprof.store.errors import BadInput
from moeprof.tests.router.instances import IDLE_W, drawn

COSTS, SHARES = drawn(seed=0, experts=8)
HEAT = ThermalResponse((Pole(3.0, 0.05), Pole(60.0, 0.05)), 30.0, 0.3, hot_s=600.0)


def test_the_lower_of_two_caps_counts() -> None:
    assert cap_of(Targets(), COSTS, HEAT) is None
    assert cap_of(Targets(power_w=300.0), COSTS, None) == 300.0
    assert cap_of(Targets(temp_c=55.0), COSTS, HEAT) == pytest.approx(250.0)
    assert cap_of(Targets(power_w=300.0, temp_c=55.0), COSTS, HEAT) == pytest.approx(250.0)
    assert cap_of(Targets(power_w=200.0, temp_c=55.0), COSTS, HEAT) == 200.0


@pytest.mark.parametrize(
    ("targets", "sentence"),
    [
        (Targets(power_w=IDLE_W), "the power cap of 120 W is unreachable: .* idle GPU draws 120 W"),
        (Targets(temp_c=41.0), "the temperature cap of 41 °C is unreachable: it allows 110 W"),
    ],
)
def test_a_target_at_or_below_the_floor_is_unreachable(targets: Targets, sentence: str) -> None:
    with pytest.raises(BadInput, match=sentence):
        cap_of(targets, COSTS, HEAT)


def test_a_cap_needs_energy_and_a_temperature_a_thermal_response_of_one_gpu() -> None:
    unmetered = replace(
        COSTS, energy_j=0 * COSTS.energy_j, idle_power_w=0.0, energy_reason="no counter"
    )
    with pytest.raises(BadInput, match="energy is unknown: no counter"):
        cap_of(Targets(power_w=300.0), unmetered, None)
    with pytest.raises(BadInput, match="needs a thermal response"):
        cap_of(Targets(temp_c=60.0), COSTS, None)
    with pytest.raises(BadInput, match="is that of one GPU, and there are 2"):
        cap_of(Targets(temp_c=60.0), drawn(0, 8, gpus=2)[0], HEAT)


def test_the_largest_batch_within_a_cap_draws_no_more_and_the_next_one_does() -> None:
    low, high = (largest_batch_within(COSTS, 2 * SHARES, cap_w) for cap_w in (400.0, 10_000.0))
    assert high == 512
    assert low is not None
    assert low < high
    powers_w = [expected_cost(COSTS, 2 * SHARES, tokens).power_w for tokens in (low, low + 1)]
    assert powers_w[0] <= 400 < powers_w[1]  # type: ignore[operator]
    assert largest_batch_within(COSTS, 2 * SHARES, 121.0) is None
    assert np.isclose(SHARES.sum(), 1)
