"""A recorded step gives a model its thermal response, or the reason why there is none."""

import os
from collections.abc import Iterable
from math import exp
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from moeprof.costmodel.model import KernelCostModel
from moeprof.costmodel.thermal.description import thermal_description
from moeprof.costmodel.thermal.poles import ThermalModel
from moeprof.costmodel.thermal.response import with_response, with_thermal
from moeprof.energy.faults import Fault
from moeprof.store.cost_model import CostModelFile, Pole
from moeprof.store.document import to_json
from moeprof.store.tables.parquet import table_from_columns
from moeprof.store.tables.schemas import SCHEMAS

IDLE_W = 100.0
POLES = (Pole(3.0, 0.02), Pole(60.0, 0.05))
NO_POINTS = SCHEMAS["points"].empty_table()


def a_step(poles: Iterable[Pole]) -> pa.Table:
    """A minute idle, two hot, two idle: a row each 200 ms, temperatures rounded down."""
    time_s = np.arange(0, 300, 0.2)
    power_w = np.where((time_s >= 60) & (time_s < 180), 480.0, IDLE_W)
    temp_c = np.full(len(time_s), 30.3)
    for pole in poles:
        rise_c = pole.r_c_per_w * IDLE_W
        for i, watts in enumerate(power_w):
            temp_c[i] += rise_c
            kept = exp(-0.2 / pole.tau_s)
            rise_c = kept * rise_c + (1 - kept) * pole.r_c_per_w * watts
    return samples(time_s + 5e5, power_w, np.floor(temp_c))


def samples(time_s: Iterable[float], power_w: Iterable[float], temp_c: Iterable[float]) -> pa.Table:
    time_ns = [int(each * 1e9) for each in time_s]
    columns = {"time_ns": time_ns, "power_w": list(power_w), "temp_c": list(temp_c)}
    return table_from_columns("thermal_samples", columns)


def test_a_recorded_step_gives_the_thermal_response(file: CostModelFile) -> None:
    thermal = with_response(file, a_step(POLES), NO_POINTS).thermal
    assert thermal is not None
    assert thermal.step is not None
    assert (thermal.n, thermal.step.slow_is_bound) == (1500, False)
    for found, true in zip(thermal.step.poles, POLES, strict=True):
        assert found.tau_s == pytest.approx(true.tau_s, rel=0.06)
    words = thermal_description(thermal)
    assert words.startswith("0.0699 K for each W above idle; steady; poles: 0.02 K/W in 2.98 s,")
    assert "fitted to 1500 readings within 0.2" in words


def test_a_step_too_short_for_its_slowest_pole_is_described_as_a_bound(file: CostModelFile) -> None:
    thermal = with_response(file, a_step([Pole(5.0, 0.03), Pole(150.0, 0.1)]), NO_POINTS).thermal
    assert thermal is not None
    assert "; a lower bound: the recorded step of 120 s is shorter than" in thermal_description(
        thermal
    )


@pytest.mark.parametrize(
    ("step", "reason"),
    [
        (
            table_from_columns("thermal_samples", {"failure": [Fault.GPU_LOST]}),
            f"the thermal step failed: {Fault.GPU_LOST}",
        ),
        (samples([], [], []), "the thermal step: a thermal fit needs ten readings or more"),
        (
            a_step([Pole(5.0, 0.005)]),
            "the thermal step: the temperature moved by 2 degC, and a fit needs 5",
        ),
        (
            samples(range(300), [100.0] * 300, [30.0 + 30 * (i % 40 < 20) for i in range(300)]),
            "no poles fit the thermal step: they miss it by 50% of its rise",
        ),
    ],
)
def test_a_step_without_a_fit_leaves_the_reason(
    file: CostModelFile, step: pa.Table, reason: str
) -> None:
    cold = with_response(file, step, NO_POINTS)
    assert cold.thermal is None
    assert cold.thermal_reason is not None
    assert cold.thermal_reason.startswith(reason)
    KernelCostModel.from_file(cold)


@pytest.mark.parametrize(("name", "rise"), [("A100", 0.076), ("3090", 0.049)])
def test_real_steps_give_their_known_poles(file: CostModelFile, name: str, rise: float) -> None:
    """A step of six seconds: a die and its spreader, and the rise of both."""
    folder = os.environ.get("MOEPROF_SAMPLE_DATA")
    if folder is None:
        pytest.skip("MOEPROF_SAMPLE_DATA is unset")
    csv = Path(folder, f"power/Transient_Response_{name}_TR_nvml.csv")
    rows = np.genfromtxt(csv, delimiter=",", names=True)
    real = samples(rows["t_s"] + 1, rows["nvml_instant_W"], rows["temp_C"])
    thermal = with_response(file, real, NO_POINTS).thermal
    assert thermal is not None
    assert thermal.step is not None
    assert thermal.r_c_per_w == pytest.approx(rise, rel=0.15)
    assert thermal.step.rmse_c < 0.45
    assert thermal.step.poles[0].tau_s < 0.5 < thermal.step.poles[-1].tau_s


LONG = ThermalModel((Pole(3.0, 0.02), Pole(60.0, 0.05)), inlet_c=30.0, rmse_c=0.3, hot_s=600.0)


def test_the_rise_of_every_curve_is_that_of_the_poles(file: CostModelFile) -> None:
    assert KernelCostModel.from_file(file).get_cost("fc1", 51).temp_rise_c is None
    heated = with_thermal(file, LONG, 1500, "nvml_counter")
    cost = KernelCostModel.from_file(heated).get_cost("fc1", 51)
    assert cost.temp_rise_c == pytest.approx(0.07 * (5 * 51), rel=1e-5)
    assert heated.thermal is not None
    assert (heated.thermal.n, heated.thermal_reason) == (1500, None)
    assert "tau_s" in to_json(heated)
