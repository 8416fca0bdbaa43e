"""The poles of a recorded step in a model: steady rises, and sizes that stay cool for a while."""

import os
from collections.abc import Callable, Iterable
from math import exp, inf, nan
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from moeprof.costmodel.heat import heat_in_words, why_lower_bound, with_step, with_thermal
from moeprof.costmodel.leakage import Leakage
from moeprof.costmodel.model import KernelCostModel
from moeprof.costmodel.thermal import Pole, ThermalModel
from moeprof.store.cost_model import CostModelFile
from moeprof.store.document import to_json
from moeprof.store.errors import BadInput
from moeprof.store.table_schemas import SCHEMAS
from moeprof.store.tables import table_from_columns

LONG = ThermalModel((Pole(3.0, 0.02), Pole(60.0, 0.05)), inlet_c=30.0, rmse_c=0.3, hot_s=600.0)
SHORT = ThermalModel((Pole(3.0, 0.02), Pole(400.0, 0.05)), inlet_c=30.0, rmse_c=0.3, hot_s=120.0)
IDLE_W = 100.0
NO_POINTS = SCHEMAS["points"].empty_table()


def watts(size: int) -> float:
    return IDLE_W + 5 * size


@pytest.fixture
def file(
    make_points: Callable[..., pa.Table], build: Callable[..., CostModelFile]
) -> CostModelFile:
    """A model whose power rises with the batch size, and whose heat nobody measured."""
    metered = {"energy_source": "nvml_counter", "energy_reason": None, "idle_power_w": IDLE_W}
    tables = [
        make_points(lambda _: 10.0, [size], energy_mj=watts(size) / 100, **metered)
        for size in range(1, 102, 10)
    ]
    return build(*tables)


def safe(
    file: CostModelFile, limit_c: float, now_c: float = 37.0, for_s: float = inf
) -> int | None:
    model = KernelCostModel.from_file(file)
    return model.get_thermal_safe_batch_size(
        "fc1", max_temp_c=limit_c, current_temp_c=now_c, for_s=for_s
    )


def test_the_rise_of_every_curve_is_that_of_the_poles(file: CostModelFile) -> None:
    assert KernelCostModel.from_file(file).get_cost("fc1", 51).temp_rise_c is None
    heated = with_thermal(file, LONG, 1500, "nvml_counter")
    cost = KernelCostModel.from_file(heated).get_cost("fc1", 51)
    assert cost.temp_rise_c == pytest.approx(0.07 * (watts(51) - IDLE_W), rel=1e-5)
    assert heated.thermal is not None
    assert (heated.thermal.n, heated.thermal_reason) == (1500, None)
    assert "tau_s" in to_json(heated)


def test_for_ever_the_steady_temperature_at_a_size_s_power_decides(file: CostModelFile) -> None:
    heated = with_thermal(file, LONG, 1500, "nvml_counter")
    for limit_c in (45.0, 50.0, 60.0):
        cool = [size for size in range(1, 102) if 30.0 + 0.07 * watts(size) <= limit_c]
        assert safe(heated, limit_c) == cool[-1]
    assert safe(heated, 30.0) is None


def test_for_a_while_more_is_safe(file: CostModelFile) -> None:
    heated = with_thermal(file, LONG, 1500, "nvml_counter")
    by_time = [safe(heated, 50.0, for_s=seconds) for seconds in (1.0, 10.0, 60.0, inf)]
    sizes = [size for size in by_time if size is not None]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] > sizes[-1]
    for size, seconds in ((sizes[1], 10.0), (sizes[2], 60.0)):
        assert LONG.temperature_c(watts(size), 37.0, seconds) <= 50.0
        assert LONG.temperature_c(watts(size + 1), 37.0, seconds) > 50.0


def test_a_step_too_short_answers_for_no_longer_than_it_was(file: CostModelFile) -> None:
    heated = with_thermal(file, SHORT, 500, "nvml_counter")
    assert safe(heated, 50.0, for_s=120.0) is not None
    with pytest.raises(BadInput, match=r"after 121 s is not known.*a lower bound") as caught:
        safe(heated, 50.0, for_s=121.0)
    assert "for_s=120 at most" in caught.value.hint
    parts = KernelCostModel.from_file(heated).get_cost_breakdown("fc1", 51)
    assert parts.temp_rise_c is not None
    assert "a lower bound" in parts.reasons["temp_rise_c"]


def test_only_a_step_too_short_gives_a_lower_bound(file: CostModelFile) -> None:
    assert why_lower_bound(None) is None
    assert why_lower_bound(with_thermal(file, LONG, 1500, "nvml_counter").thermal) is None


@pytest.mark.parametrize(
    ("limit_c", "now_c", "for_s"), [(nan, 40.0, 1.0), (50.0, inf, 1.0), (50.0, 40.0, 0.0)]
)
def test_what_is_no_question_is_refused(
    file: CostModelFile, limit_c: float, now_c: float, for_s: float
) -> None:
    with pytest.raises(BadInput, match="are no question"):
        safe(with_thermal(file, LONG, 1500, "nvml_counter"), limit_c, now_c, for_s)


def test_poles_without_power_tell_nothing(
    make_points: Callable[..., pa.Table], build: Callable[..., CostModelFile]
) -> None:
    bare = build(make_points(lambda size: 10.0 + size, np.arange(1, 65, 9).tolist()))
    with pytest.raises(BadInput, match="the heat of fc1 is not known"):
        safe(with_thermal(bare, LONG, 1500, "nvml_counter"), 50.0)


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


def test_a_recorded_step_becomes_the_heat_of_a_model(file: CostModelFile) -> None:
    thermal = with_step(file, a_step(LONG.poles), NO_POINTS).thermal
    assert thermal is not None
    assert thermal.step is not None
    assert (thermal.n, thermal.step.slow_is_bound) == (1500, False)
    for found, true in zip(thermal.step.poles, LONG.poles, strict=True):
        assert found.tau_s == pytest.approx(true.tau_s, rel=0.06)
    words = heat_in_words(thermal)
    assert words.startswith("0.0699 K for each W above idle; steady; poles: 0.02 K/W in 2.98 s,")
    assert "fitted to 1500 readings within 0.2" in words


def test_a_step_too_short_for_its_slowest_pole_says_so_in_words(file: CostModelFile) -> None:
    thermal = with_step(file, a_step([Pole(5.0, 0.03), Pole(150.0, 0.1)]), NO_POINTS).thermal
    assert thermal is not None
    assert "; a lower bound: the recorded step of 120 s is shorter than" in heat_in_words(thermal)


@pytest.mark.parametrize(
    ("leakage", "words"),
    [
        (Leakage(0.5, 0.034, 52.0), "K; leakage: 0.5 ± 0.03 W/°C from 52 °C"),
        (Leakage(None, None, None, "too cold"), "K; no leakage: too cold"),
    ],
)
def test_leakage_is_told_or_why_it_is_not_known(
    file: CostModelFile, leakage: Leakage, words: str
) -> None:
    thermal = with_thermal(file, LONG, 1500, "nvml_counter", leakage).thermal
    assert thermal is not None
    assert heat_in_words(thermal).endswith(words)


@pytest.mark.parametrize(
    ("step", "reason"),
    [
        (
            table_from_columns("thermal_samples", {"failure": ["the GPU was lost"]}),
            "the thermal step failed: the GPU was lost",
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
def test_a_step_that_tells_nothing_leaves_its_reason(
    file: CostModelFile, step: pa.Table, reason: str
) -> None:
    cold = with_step(file, step, NO_POINTS)
    assert cold.thermal is None
    assert cold.thermal_reason is not None
    assert cold.thermal_reason.startswith(reason)
    KernelCostModel.from_file(cold)


@pytest.mark.parametrize(("name", "rise"), [("A100", 0.076), ("3090", 0.049)])
def test_real_steps_give_the_poles_that_are_known_of_them(
    file: CostModelFile, name: str, rise: float
) -> None:
    """A step of six seconds: a die and its spreader, and the rise of both."""
    folder = os.environ.get("MOEPROF_SAMPLE_DATA")
    if folder is None:
        pytest.skip("MOEPROF_SAMPLE_DATA is unset")
    csv = Path(folder, f"power/Transient_Response_{name}_TR_nvml.csv")
    rows = np.genfromtxt(csv, delimiter=",", names=True)
    real = samples(rows["t_s"] + 1, rows["nvml_instant_W"], rows["temp_C"])
    thermal = with_step(file, real, NO_POINTS).thermal
    assert thermal is not None
    assert thermal.step is not None
    assert thermal.r_c_per_w == pytest.approx(rise, rel=0.15)
    assert thermal.step.rmse_c < 0.45
    assert thermal.step.poles[0].tau_s < 0.5 < thermal.step.poles[-1].tau_s
