"""What a controller takes of snapshots."""

import time
from dataclasses import replace

import numpy as np
import pytest

from moeprof.router.control.controller import Telemetry
from moeprof.router.control.watch import SensorWatch
from moeprof.router.monitor.snapshot import (
    Counted,
    MonitorState,
    Snapshot,
    energy_between,
    telemetry,
)

BEFORE = Snapshot(
    10.0, MonitorState.WATCHING, 0.0, power_w=300.0, temp_c=60, counted=Counted(1000.0, 10.0, 2.0)
)
NOW = replace(BEFORE, at_s=12.0, power_w=400.0, temp_c=61, counted=Counted(1700.0, 12.0, 2.0))


def test_power_is_the_mean_since_the_snapshot_before() -> None:
    assert telemetry(NOW, before=BEFORE, at_s=12.1) == Telemetry(12.1, 350.0, 61)
    assert telemetry(NOW, at_s=12.1) == Telemetry(12.1, 400.0, 61)


def test_the_servers_own_readings_are_passed_on() -> None:
    shares = np.array([0.25, 0.75])
    seen = telemetry(NOW, tokens_per_s=1e5, latency_s=0.01, shares=shares)
    assert (seen.tokens_per_s, seen.latency_s) == (1e5, 0.01)
    assert seen.shares is shares


@pytest.mark.parametrize(
    "counted",
    [
        None,
        Counted(1000.0, 10.0, 2.0),  # it did not move
        Counted(1100.0, 10.3, 2.0),  # the time is too short
        Counted(50.0, 12.0, 11.0),  # it was reset meanwhile
    ],
)
def test_where_the_counter_gives_no_mean_it_is_that_of_the_last_second(
    counted: Counted | None,
) -> None:
    assert telemetry(replace(NOW, counted=counted), before=BEFORE).power_w == 400.0


@pytest.mark.parametrize("state", [s for s in MonitorState if s is not MonitorState.WATCHING])
def test_what_is_not_of_now_is_no_telemetry(state: MonitorState) -> None:
    seen = telemetry(replace(NOW, state=state), before=BEFORE, at_s=15.0, tokens_per_s=5.0)
    assert seen == Telemetry(15.0, None, None, 5.0)


def test_the_time_of_telemetry_is_now() -> None:
    before_s = time.monotonic()
    assert before_s <= telemetry(NOW).at_s <= time.monotonic()


@pytest.mark.parametrize("state", [MonitorState.SILENT, MonitorState.LOST, MonitorState.STOPPED])
def test_a_controller_sees_that_telemetry_is_lost_and_back(state: MonitorState) -> None:
    """Although the snapshot, and the time of its readings, stay the same meanwhile."""
    watch, gone = SensorWatch(hold_s=2.0), replace(NOW, state=state)
    faults = [watch.see(telemetry(NOW, at_s=12.0))[1]]
    faults += [watch.see(telemetry(gone, at_s=at_s))[1] for at_s in (13.0, 14.0, 15.0)]
    faults += [watch.see(telemetry(replace(NOW, power_w=410.0), at_s=16.0))[1]]
    assert faults == [None, None, "lost", "lost", None]


def test_energy_needs_a_counter_in_both() -> None:
    assert energy_between(BEFORE, NOW) == (700.0, 2.0)
    assert energy_between(replace(BEFORE, counted=None), NOW) is None
    assert energy_between(NOW, BEFORE) is None
