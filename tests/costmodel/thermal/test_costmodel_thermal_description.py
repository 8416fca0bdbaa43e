"""The heat of a model is described in a sentence, with the reason where it is unknown."""

import pytest

from moeprof.costmodel.thermal.description import thermal_description, why_lower_bound
from moeprof.costmodel.thermal.leakage import Leakage
from moeprof.costmodel.thermal.poles import ThermalModel
from moeprof.costmodel.thermal.response import with_thermal
from moeprof.store.cost_model import CostModelFile, Pole

LONG = ThermalModel((Pole(3.0, 0.02), Pole(60.0, 0.05)), inlet_c=30.0, rmse_c=0.3, hot_s=600.0)


def test_a_long_step_gives_no_lower_bound(file: CostModelFile) -> None:
    assert why_lower_bound(None) is None
    assert why_lower_bound(with_thermal(file, LONG, 1500, "nvml_counter").thermal) is None


@pytest.mark.parametrize(
    ("leakage", "words"),
    [
        (Leakage(0.5, 0.034, 52.0), "K; leakage: 0.5 ± 0.03 W/°C from 52 °C"),
        (Leakage(None, None, None, "too cold"), "K; no leakage: too cold"),
    ],
)
def test_the_leakage_or_its_reason_is_described(
    file: CostModelFile, leakage: Leakage, words: str
) -> None:
    thermal = with_thermal(file, LONG, 1500, "nvml_counter", leakage).thermal
    assert thermal is not None
    assert thermal_description(thermal).endswith(words)
