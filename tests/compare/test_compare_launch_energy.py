"""The energy of launches is summed, and what is not known of it is named."""

import pytest

from moeprof.compare.launch_energy import COVERAGE_GATE, LaunchEnergy, idle_power_w, predict_energy
from moeprof.energy.mixed_workload import Played
from moeprof.tests.builders import make_model, make_points

METERED = {"energy_source": "nvml_counter", "energy_reason": None, "idle_power_w": 100.0}
FC1, FC2 = "fc1-8x4-fp32-cold", "fc2-4x8-fp32-cold"
MODEL = make_model(
    make_points(lambda size: 100.0, (1, 8, 64), energy_mj=30.0, **METERED),
    make_points(lambda size: 100.0, (1, 8, 64), curve=FC2, op="fc2", shape=[4, 8]),
)


def test_each_launch_counts_with_the_energy_of_its_size() -> None:
    found = predict_energy(MODEL, [Played(FC1, 8, 1000, 0.1), Played(FC1, 20, 500, 0.05)])
    assert found.energy_j == pytest.approx(45.0, rel=1e-4)
    assert (found.coverage, found.missing) == (1.0, ())
    assert found.whole_j == found.energy_j


def test_a_curve_without_energy_and_one_that_is_unknown_are_named() -> None:
    played = [Played(FC1, 8, 1000, 0.8), Played(FC2, 8, 10, 0.1), Played("other", 8, 10, 0.1)]
    found = predict_energy(MODEL, played)
    assert found.coverage == pytest.approx(0.8)
    assert found.whole_j is None
    assert [FC2 in found.missing[0], "other" in found.missing[1]] == [True, True]


def test_above_the_gate_the_rest_is_charged_at_the_mean_power() -> None:
    covered_s = COVERAGE_GATE + 0.05
    assert LaunchEnergy(95.0, covered_s, 1.0, ()).whole_j == pytest.approx(95.0 / covered_s)


def test_idle_power_is_the_mean_of_the_curves_that_have_one() -> None:
    assert idle_power_w(MODEL) == 100.0
    assert idle_power_w(make_model(make_points(lambda size: 100.0, (1, 8)))) is None
