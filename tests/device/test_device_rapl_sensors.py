"""The host's packages as one sensor: their sum, with wraps corrected."""

from pathlib import Path

import pytest

from moeprof.device import rapl_sensors
from moeprof.device.nvml import ENERGY, NvmlCode, Reading
from moeprof.device.rapl import Package
from moeprof.device.rapl_perf import PerfCounter
from moeprof.device.rapl_sensors import RaplSensors
from moeprof.store.errors import CannotMeasure


def a_package(folder: Path, energy_uj: int, range_uj: int = 999_999) -> Package:
    folder.mkdir()
    (folder / "energy_uj").write_text(f"{energy_uj}\n", encoding="ascii")
    return Package(folder, range_uj)


def count(package: Package, energy_uj: int) -> None:
    (package.folder / "energy_uj").write_text(f"{energy_uj}\n", encoding="ascii")


def test_energy_is_the_sum_of_the_packages_since_the_beginning(tmp_path: Path) -> None:
    one, two = a_package(tmp_path / "0", 5_000), a_package(tmp_path / "1", 900_000)
    sensors = RaplSensors([one, two])
    assert sensors.energy() == (Reading(ENERGY, NvmlCode.SUCCESS, 0),)
    count(one, 8_000)
    count(two, 904_500)
    assert sensors.energy() == (Reading(ENERGY, NvmlCode.SUCCESS, 7),)  # 7.5 mJ


def test_a_wrap_is_corrected_and_no_fraction_is_lost(tmp_path: Path) -> None:
    package = a_package(tmp_path / "0", 999_000)
    sensors = RaplSensors([package])
    values = []
    for energy_uj in (999_600, 200, 800):
        count(package, energy_uj)
        values.append(sensors.energy()[0].value)
    assert values == [0, 1, 1]  # 0.6, 1.2, 1.8 mJ


def test_a_counter_that_vanishes_is_a_reading_that_failed(tmp_path: Path) -> None:
    package = a_package(tmp_path / "0", 0)
    sensors = RaplSensors([package])
    (package.folder / "energy_uj").unlink()
    assert sensors.energy() == (Reading(ENERGY, NvmlCode.UNKNOWN, None),)


def test_rapl_has_no_other_sensor(tmp_path: Path) -> None:
    sensors = RaplSensors([a_package(tmp_path / "0", 0)])
    others = "fields temperature sm_clock memory_clock event_reasons power_limit power_usage"
    for name in [*others.split(), "compute_processes"]:
        assert getattr(sensors, name)() == ()


def refuse(*arguments: object) -> list[Package]:
    raise CannotMeasure("RAPL is unavailable: powercap may not be read")


def test_perf_replaces_a_powercap_that_may_not_be_read(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    closed = []

    class Counter(PerfCounter):
        def energy_uj(self) -> int:
            return 0

        def close(self) -> None:
            closed.append(self.descriptor)

    monkeypatch.setattr(rapl_sensors, "packages", refuse)
    monkeypatch.setattr(rapl_sensors, "open_counters", lambda: [Counter(7, 1.0)])
    with rapl_sensors.rapl_sensors() as sensors:
        assert sensors.energy() == (Reading(ENERGY, NvmlCode.SUCCESS, 0),)
    assert closed == [7]


def test_without_both_the_reason_is_that_of_powercap(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def no_perf() -> list[PerfCounter]:
        raise CannotMeasure("RAPL is unavailable: perf refuses")

    monkeypatch.setattr(rapl_sensors, "packages", refuse)
    monkeypatch.setattr(rapl_sensors, "open_counters", no_perf)
    with (
        pytest.raises(CannotMeasure, match="powercap may not be read"),
        rapl_sensors.rapl_sensors(),
    ):
        pass
