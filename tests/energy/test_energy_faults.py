"""Faults on the way from NVML to a reason, and a real sensor that was stuck."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from moeprof.device.nvml import EVENT_REASONS, NvmlCode, Sensors, nvml
from moeprof.energy.faults import Fault, faults, frozen, power_capped_share
from moeprof.energy.power_log import CLOCK_BOOT, PowerLog, Series, read_power_log
from moeprof.profiler.power.device_sensors import header
from moeprof.profiler.power.sensor_log import write_log
from moeprof.profiler.power.sensor_reader import SensorReader
from moeprof.tests.energy.power_logs import MS, S, series, steady_log
from moeprof.tests.fakenvml import fake


def recorded(simulate: fake.Simulate, folder: Path, **settings: object) -> PowerLog:
    """A log of eight seconds; `reasons`, `epoch_jump` and `suspension` begin at 4 s."""
    reasons = int(str(settings.pop("reasons", 0)))
    jumps = {name: settings.pop(name, 0) for name in ("epoch_jump", "suspension")}
    rows = [(0, 480e3, 60, 1755, 0), (4, 480e3, 60, 1755, reasons), (9, 480e3, 60, 1755, reasons)]
    with simulate(rows, **settings) as clock, nvml() as library:
        for name, by_ns in jumps.items():
            setattr(clock, name, (4 * S, by_ns))
        recorder = SensorReader(Sensors(library, fake.UUID), clock)
        recorder.record(clock.reached(8))
        write_log(folder / "log.csv", header(fake.UUID), recorder.rows)
    return read_power_log(folder / "log.csv")


ENERGY_CALL = "nvmlDeviceGetTotalEnergyConsumption"


@pytest.mark.parametrize(
    ("fault", "settings"),
    [
        (Fault.NOT_SUPPORTED, {"errors": f"{ENERGY_CALL}={NvmlCode.NOT_SUPPORTED}@4"}),
        (Fault.TOO_OLD, {"errors": f"{ENERGY_CALL}={NvmlCode.FUNCTION_NOT_FOUND}@4"}),
        (Fault.NO_PERMISSION, {"errors": f"{ENERGY_CALL}={NvmlCode.NO_PERMISSION}@4"}),
        (Fault.GPU_LOST, {"errors": f"{ENERGY_CALL}={NvmlCode.GPU_IS_LOST}@4"}),
        (Fault.COUNTER_RESET, {"reset_s": 4.5}),
        (Fault.FOREIGN_PROCESS, {"processes": "1@0,2@4"}),
        (Fault.THERMAL_THROTTLING, {"reasons": 0x20}),
        (Fault.THERMAL_THROTTLING, {"reasons": 0x40}),
        (Fault.THERMAL_THROTTLING, {"reasons": 0x40, "errors": "field269=3,field270=3"}),
        (Fault.POWER_BRAKE, {"reasons": 0x80}),
        (Fault.CLOCK_STEPPED, {"epoch_jump": 5 * MS}),
        (Fault.SUSPENDED, {"suspension": 60 * S}),
    ],
)
def test_a_failure_on_the_gpu_becomes_a_fault_of_its_windows_alone(
    simulate: fake.Simulate, tmp_path: Path, fault: Fault, settings: dict[str, object]
) -> None:
    log = recorded(simulate, tmp_path, **settings)
    assert faults(log, 1 * S, 2500 * MS, processes=1) == []
    assert faults(log, 3500 * MS, 7 * S, processes=1) == [fault]


def test_a_power_cap_is_measured_in_time(simulate: fake.Simulate, tmp_path: Path) -> None:
    log = recorded(simulate, tmp_path, reasons=0x4)
    assert power_capped_share(log, 1 * S, 3 * S) == 0
    assert power_capped_share(log, 3 * S, 5 * S) == pytest.approx(0.5, abs=0.06)
    assert faults(log, 3 * S, 5 * S, processes=0) == []


def test_without_readings_of_throttling_its_share_is_none() -> None:
    assert power_capped_share(steady_log(), 1 * S, 2 * S) is None
    reasons = series(np.arange(0, 10 * S, 100 * MS), 0x4)
    assert power_capped_share(steady_log({EVENT_REASONS: reasons}), 1 * S, 2 * S) == 1


def test_throttling_is_seen_where_its_accumulator_stays_at_zero() -> None:
    times = np.arange(0, 10 * S, 100 * MS)
    hot = {"throttle_sw_thermal_ns": series(times, 0), EVENT_REASONS: series(times, 0x20)}
    assert faults(steady_log(hot), 1 * S, 2 * S, processes=0) == [Fault.THERMAL_THROTTLING]


@pytest.mark.parametrize("read_at_ms", [0, 6])
def test_a_clock_that_took_long_to_read_is_no_suspension(read_at_ms: int) -> None:
    begin = np.arange(0, 11) * S
    slow = np.where(begin == 3 * S, 6 * MS, 0)
    value = begin + np.where(begin == 3 * S, read_at_ms * MS, 0)
    boot = Series(begin, begin + slow, np.zeros(11, np.int64), value.astype(np.float64))
    assert faults(steady_log({CLOCK_BOOT: boot}), 2 * S, 4 * S, processes=0) == []


def test_power_that_repeats_itself_is_frozen_only_while_the_temperature_moves() -> None:
    times = np.arange(0, 30) * 100 * MS
    repeats, moves = series(times, 46190), series(times, 46190 + times // S)
    cool, warms = series(times, 40), series(times, 40 + times // S)
    assert frozen(repeats, warms)
    assert not frozen(repeats, cool)
    assert not frozen(moves, warms)
    assert not frozen(repeats.between(0, S), warms)


def test_a_real_stuck_sensor_is_frozen_and_a_real_good_one_is_not() -> None:
    folder = os.environ.get("MOEPROF_SAMPLE_DATA")
    if folder is None:
        pytest.skip("MOEPROF_SAMPLE_DATA is unset")
    stuck = pd.read_csv(
        Path(folder, "power", "stuck_sensor_MLPerf_data.csv"), skipinitialspace=True
    )
    times = pd.to_datetime(stuck["timestamp"]).astype("datetime64[ns]").astype("int64")
    watts = stuck["power.draw [W]"].str.removesuffix(" W").astype(float)
    assert frozen(series(times, watts), series(times, stuck["temperature.gpu"]))
    good = pd.read_csv(Path(folder, "power", "Transient_Response_A100_TR_nvml.csv")).dropna()
    times = good["t_s"] * S
    assert not frozen(series(times, good["nvml_instant_W"]), series(times, good["temp_C"]))
