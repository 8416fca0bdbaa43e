"""One load measured: its energy per launch, and what takes it away beside the log's own faults."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from moeprof.device.nvml import ENERGY
from moeprof.energy.per_launch import NOT_BUSY, NOT_SETTLED, metered_load
from moeprof.energy.power_log import PowerLog
from moeprof.store.recording import Load
from moeprof.tests.energy.power_logs import MS, S, counter, series, steady_log

MARKS_NS = tuple(range(2 * S, 5 * S + 1, 20 * MS))
LOAD = Load(
    kind="operation",
    scenario_key="key",
    visit=0,
    marks_ns=MARKS_NS,
    launches=tuple((mark - 2 * S) // 50_000 for mark in MARKS_NS),
    duty=0.995,
    replay_s=0.003,
)


def reason(log: PowerLog | None = None, **changes: Any) -> str | None:
    return metered_load(log or steady_log(), replace(LOAD, **changes), 1).cost.reason


def test_a_load_of_50_us_at_480_w_costs_24_mj() -> None:
    found = metered_load(steady_log(), LOAD, 1)
    assert found.cost.energy_mj.value == pytest.approx(24, rel=1e-3)
    assert found.latency_us == pytest.approx(50, rel=1e-3)
    assert (found.cost.source, found.cost.marks, found.cost.reason) == ("nvml_counter", (), None)


def test_a_baseline_has_power_and_no_latency() -> None:
    idle = Load("idle", None, 0, (2 * S, 5 * S), (0, 0))
    found = metered_load(steady_log(), idle, 1)
    assert found.cost.power_w.value == pytest.approx(480, rel=1e-3)
    assert found.latency_us is None


def test_a_device_that_waited_measured_something_else() -> None:
    assert reason(duty=0.981) is None
    assert reason(duty=0.979) == NOT_BUSY == "the device was busy for less than 98% of the load"


def test_power_that_does_not_settle_is_no_measurement() -> None:
    time_ms = np.arange(0, 10_000)
    energy_mj = (time_ms // 100 * 100) ** 2 / 20 + 1e6
    assert reason(steady_log({ENERGY: series(time_ms * MS, energy_mj)})) == NOT_SETTLED


def test_power_that_moves_within_the_load_is_marked() -> None:
    time_ms = np.arange(0, 10_000)
    energy_mj = np.cumsum(np.where(time_ms < 3500, 690.0, 560.0))
    log = steady_log({ENERGY: series(time_ms * MS, energy_mj[time_ms // 100 * 100])})
    found = metered_load(log, LOAD, 1).cost
    assert found.reason is None
    assert "the power moved from 690 to 560 W within the load" in found.marks


def test_without_a_counter_the_load_needs_not_settle() -> None:
    failing = series(np.arange(0, 10 * S, 10 * MS), np.nan, code=3)
    found = metered_load(steady_log({ENERGY: failing}), LOAD, 1)
    assert (found.cost.source, found.cost.reason) == ("nvml_power", None)
    assert found.cost.energy_mj.value == pytest.approx(24, rel=1e-3)


def test_the_packages_of_a_host_are_their_own_source() -> None:
    log = replace(steady_log(), sensor="rapl")
    assert metered_load(log, LOAD, 0).cost.source == "rapl"


def test_bursts_that_beat_with_the_sensor_are_marked() -> None:
    (mark,) = metered_load(steady_log(), replace(LOAD, replay_s=0.0505), 1).cost.marks
    assert mark == "its bursts of 50.5 ms beat with the sensor's refreshes"


def test_a_gpu_without_a_graph_is_marked_and_a_cpu_never_has_one() -> None:
    eager = replace(LOAD, eager_reason="it copies to the host")
    (mark,) = metered_load(steady_log(), eager, 1).cost.marks
    assert mark == "launched one by one: it copies to the host"
    assert metered_load(steady_log(), eager, 0).cost.marks == ()


def test_a_load_without_a_launch_costs_nothing_that_can_be_told() -> None:
    assert reason(marks_ns=(2 * S,), launches=(0,)) is not None
    assert reason(steady_log({ENERGY: counter(seconds=1)})) is not None
