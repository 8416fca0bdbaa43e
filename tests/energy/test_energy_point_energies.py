"""Loads to the energy columns of points: means over blocks, idle power, flags and reasons."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from moeprof.energy.faults import Fault
from moeprof.energy.per_launch import MeteredLoad, WindowEnergy
from moeprof.energy.point_energies import NO_ANCHOR, NOT_REACHED, STUCK, PointEnergies
from moeprof.energy.power_meter import SensorGain
from moeprof.stats.measured import Measured
from moeprof.store.flag import Flag, FlagCode
from moeprof.store.plan import PowerPlan
from moeprof.store.provenance import EnergySource
from moeprof.store.recording import Failure, Load
from moeprof.tests.builders import make_plan, make_recording

LOST = Fault.GPU_LOST


def a_load(
    key: str | None,
    repeat: int,
    power_w: float | None,
    latency_us: float = 100.0,
    kind: str = "",
    temp_c: float = 60.0,
) -> MeteredLoad:
    load = Load(kind or "operation", key, repeat, (0, 1), (0, 1))  # type: ignore[arg-type]
    known = power_w is not None
    power = Measured(power_w, 1.0 if known else None, 9, None if known else LOST)
    source = EnergySource.NVML_COUNTER if known else EnergySource.UNAVAILABLE
    energy = power.scaled(latency_us / 1000)
    cost = WindowEnergy(power, energy, 500.0, temp_c, source, (), ())
    return MeteredLoad(load, cost, None if kind else latency_us)


def columns(loads: Sequence[MeteredLoad], *failures: Failure) -> dict[str, dict[str, Any]]:
    energies = PointEnergies(replace(make_plan(), power=PowerPlan(anchors=24, blocks=2)))
    energies.add(make_recording((), failures, collector="power"), loads)
    return energies.columns()


def test_a_point_is_the_mean_of_its_blocks_with_the_spread_between_them() -> None:
    loads = [a_load("a", 0, 400), a_load("a", 1, 404), a_load("b", 0, 300), a_load("b", 1, 301)]
    found = columns(loads)
    assert found["a"]["power_w"] == 402
    assert found["a"]["energy_mj"] == pytest.approx(40.2)
    assert (found["a"]["energy_n"], found["a"]["energy_source"]) == (2, "nvml_counter")
    assert found["a"]["power_peak_w"] == 500
    assert 0.005 < found["a"]["energy_mj_ci95"] / 40.2 < 0.05
    relative = [found[key]["energy_mj_ci95"] / found[key]["energy_mj"] for key in "ab"]
    assert relative[0] == pytest.approx(relative[1], rel=1e-6)  # the spread is the operation's


def test_two_blocks_have_a_repeat_difference_and_one_has_none() -> None:
    loads = [a_load("a", 0, 400), a_load("a", 1, 404, latency_us=99.0), a_load("b", 0, 300)]
    found = columns(loads)
    assert found["a"]["power_repeat_difference"] == pytest.approx(math.log(404 / 400))
    assert found["a"]["energy_repeat_difference"] == pytest.approx(math.log(400 / (404 * 0.99)))
    assert found["b"]["power_repeat_difference"] is None


def test_one_block_has_the_interval_of_its_window() -> None:
    found = columns([a_load("a", 0, 400)])
    assert found["a"]["energy_mj_ci95"] == pytest.approx(0.1)
    assert found["a"]["energy_n"] == 1


def test_idle_power_is_a_column_and_energy_above_idle_may_be_negative() -> None:
    idle = a_load(None, 0, 100, kind="idle")
    found = columns([idle, a_load("a", 0, 90), a_load("b", 0, 300)])
    assert set(found) == {"a", "b"}
    assert found["b"]["idle_power_w"] == 100
    assert found["b"]["energy_above_idle_mj"] == pytest.approx(20)
    assert found["a"]["energy_above_idle_mj"] == pytest.approx(-1)


def test_the_spread_of_idle_power_is_not_in_the_interval_of_the_loads() -> None:
    """An idle window is as long as it happens to be, and its power may jump between blocks."""
    loads = [a_load("a", 0, 400), a_load("a", 1, 401)]
    alone = columns(loads)["a"]
    idle = [a_load(None, block, 80 + 40 * block, 1e6, kind="idle") for block in (0, 1)]
    beside = columns([*idle, *loads])["a"]
    assert beside["energy_mj_ci95"] == alone["energy_mj_ci95"]
    assert beside["idle_power_w"] == 100


def test_a_power_that_does_not_change_from_idle_to_load_is_stuck() -> None:
    stuck = [a_load(None, 0, 46.19, kind="idle", temp_c=32), a_load("a", 0, 46.19, temp_c=50)]
    found = columns(stuck)["a"]
    assert (found.get("energy_mj"), found["energy_source"]) == (None, "unavailable")
    assert found["energy_reason"] == STUCK
    for other in (a_load("a", 0, 46.5, temp_c=50), a_load("a", 0, 46.19, temp_c=32)):
        assert columns([stuck[0], other])["a"]["energy_reason"] is None


def test_without_an_idle_baseline_nothing_is_above_it() -> None:
    found = columns([a_load("a", 0, 400)])["a"]
    assert (found["idle_power_w"], found["energy_above_idle_mj"]) == (None, None)


def test_a_load_without_energy_leaves_the_other_and_a_flag() -> None:
    found = columns([a_load("a", 0, 400), a_load("a", 1, None)])["a"]
    assert (found["power_w"], found["energy_n"]) == (400, 1)
    words = f"load 1 gave no energy: {LOST}"
    assert found["flags"] == [Flag(FlagCode.LOAD_WITHOUT_ENERGY, words)]


def test_the_temperature_is_that_of_the_loads_that_gave_energy() -> None:
    loads = [a_load("a", repeat, 400, temp_c=temp_c) for repeat, temp_c in ((0, 50), (1, 53))]
    assert columns(loads)["a"]["temp_c"] == 51.5
    loads[1] = a_load("a", 1, None, temp_c=53)
    assert columns(loads)["a"]["temp_c"] == 50


def test_where_no_load_gave_energy_the_reasons_are_named_once() -> None:
    found = columns([a_load("a", 0, None), a_load("a", 1, None)])["a"]
    assert (found["energy_mj"], found["energy_source"]) == (None, "unavailable")
    assert (found["energy_reason"], found["flags"]) == (LOST, [])


def test_a_load_that_was_never_run_has_the_reason_of_its_failure() -> None:
    failures = [Failure("a", 0, "out of memory"), Failure("a", 1, "out of memory")]
    found = columns([], *failures)["a"]
    assert found == {
        "energy_source": "unavailable",
        "energy_reason": "out of memory",
        "flags": [],
    }


def test_the_repeated_first_load_shows_drift_and_is_in_no_mean() -> None:
    steady = [a_load("a", 0, 400), a_load("b", 0, 300), a_load("a", 2, 404)]
    found = columns(steady)
    assert (found["a"]["energy_n"], found["b"]["flags"]) == (1, [])
    drifting = [*steady[:2], a_load("a", 2, 420)]
    words = "power drifted by +5.0% while the operation was loaded"
    assert columns(drifting)["b"]["flags"] == [Flag(FlagCode.POWER_DRIFTED, words)]


def with_clocks(*loads: MeteredLoad) -> list[MeteredLoad]:
    """Loads at the usual clock, but for those that have one already."""
    return [one if one.sm_clock_mhz else replace(one, sm_clock_mhz=1755.0) for one in loads]


SLOW = "the SM clock was 1455 MHz, and 1755 MHz in most loads"


def test_a_disturbed_load_is_left_out_where_the_other_was_not_and_told() -> None:
    slow = replace(a_load("a", 1, 320, latency_us=130.0), sm_clock_mhz=1455.0)
    others = [a_load("b", 0, 300), a_load("b", 1, 301)]
    found = columns(with_clocks(a_load("a", 0, 400), slow, *others))["a"]
    assert (found["power_w"], found["energy_n"]) == (400, 1)
    assert found["latency_sustained_us"] == 100
    assert found["flags"] == [Flag(FlagCode.LOAD_DISTURBED, f"load 1 is left out: {SLOW}")]


def test_where_every_load_was_disturbed_they_count_with_a_flag() -> None:
    slow = [replace(a_load("a", block, 320), sm_clock_mhz=1455.0) for block in (0, 1)]
    others = [a_load("b", block, 300) for block in range(2)] + [a_load("c", 0, 200)]
    found = columns(with_clocks(*slow, *others))["a"]
    assert (found["power_w"], found["energy_n"]) == (320, 2)
    words = [f"load {block} was disturbed: {SLOW}" for block in (0, 1)]
    assert found["flags"] == [Flag(FlagCode.LOAD_DISTURBED, one) for one in words]


def test_loads_that_disagree_are_told_and_both_lie_in_the_interval() -> None:
    alike = [a_load(key, block, 300 + block) for key in "bcdefg" for block in (0, 1)]
    found = columns([a_load("a", 0, 400), a_load("a", 1, 460), *alike])
    words = "its 2 loads differ by 15.0% in power"
    assert found["a"]["flags"] == [Flag(FlagCode.LOADS_DISAGREE, words)]
    assert found["a"]["energy_mj"] - found["a"]["energy_mj_ci95"] <= 40
    assert found["b"]["flags"] == []


def test_a_size_without_a_load_says_why() -> None:
    plan, power = make_plan(), PowerPlan(anchors=24, blocks=2)
    assert PointEnergies(replace(plan, power_reason="no RAPL")).why_none("gelu") == "no RAPL"
    assert PointEnergies(plan).why_none("gelu") is None
    energies = PointEnergies(replace(plan, power=power))
    assert energies.why_none("gelu") == NOT_REACHED
    energies.add(make_recording(collector="power"), [a_load("a", 0, 400)])
    assert energies.why_none("gelu") == NO_ANCHOR


def test_with_a_meter_the_sensors_gain_is_known_and_flags_its_loads() -> None:
    load = a_load("a", 0, 400)
    by_meter = replace(load, cost=replace(load.cost, sensor_power_w=360.0))
    energies = PointEnergies(make_plan())
    assert energies.sensor_gain is None
    energies.add(make_recording(collector="power"), [by_meter])
    assert energies.sensor_gain == SensorGain(0.9, 0.9, 0.9, 1)
    (flag,) = energies.columns()["a"]["flags"]
    assert flag.code is FlagCode.SENSOR_GAIN
