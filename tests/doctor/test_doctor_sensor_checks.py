"""Checks of sensors, on logs of the simulated GPU under load."""

from collections.abc import Sequence
from random import Random

import pytest

from moeprof.device.nvml import SM_CLOCK, TEMP_GPU
from moeprof.doctor.check_result import CheckResult, Status
from moeprof.doctor.sensor_checks import judge
from moeprof.doctor.sensor_probe import probe_sensors
from moeprof.energy.faults import Fault
from moeprof.tests.fakenvml import fake

OURS = "100@0"


def a_load(power_w: float = 480, reasons: int = 0) -> list[fake.TraceRow]:
    """Ten seconds of a load that flickers by a percent, as real ones do, while the GPU warms."""
    draw = Random(0)
    return [
        (step / 20, 1000 * power_w * draw.uniform(0.99, 1.01), 50 + step / 40, 1755, reasons)
        for step in range(200)
    ]


class CheckLoad:
    """Check the sensors of the simulated GPU under a load; give each result by its check."""

    def __init__(self, simulate: fake.Simulate) -> None:
        self._simulate = simulate

    def __call__(self, load: Sequence[fake.TraceRow], **settings: object) -> dict[str, CheckResult]:
        with self._simulate(load, **{"processes": OURS} | settings) as clock:
            clock.set_ns(1_000_000_000)
            results = judge(probe_sensors(fake.UUID, 4.5, clock))
        for result in results:
            if result.status in (Status.WARNING, Status.FAULT):
                assert result.cost
                assert result.remedy
        return {result.check: result for result in results}


@pytest.fixture
def look(simulate: fake.Simulate) -> CheckLoad:
    return CheckLoad(simulate)


def test_good_sensors_have_no_fault_and_say_what_they_are(look: CheckLoad) -> None:
    found = look(a_load())
    assert {result.status for result in found.values()} == {Status.OK}
    assert found["energy counter"].values["power_w"] == pytest.approx(480, rel=0.01)
    assert found["energy counter"].values["power_limit_w"] == 700
    assert found["instant power"].values["counter_over_instant_ratio"] == pytest.approx(1, abs=0.02)
    assert "(simulated)" in found["energy counter"].evidence
    assert found["clocks"].values["sm_clock_min_mhz"] == 1755


@pytest.mark.parametrize("update_ms", [20, 50, 100, 103.7])
def test_update_periods_are_measured(look: CheckLoad, update_ms: float) -> None:
    periods = look(a_load(), update_ms=update_ms)["update periods"].values
    for sensor in ("counter", "instant", "average"):
        assert periods[f"{sensor}_period_ms"] == pytest.approx(update_ms, abs=2.6)


def test_a_slow_counter_asks_for_longer_windows(look: CheckLoad) -> None:
    assert look(a_load(), update_ms=400)["update periods"].status is Status.WARNING


def test_a_call_of_nvml_has_its_cost(look: CheckLoad) -> None:
    cost = look(a_load())["NVML call"]
    assert cost.values["counter_call_us"] == pytest.approx(20, abs=1)  # the virtual clock's step


def test_slow_calls_are_told_with_what_they_cost(look: CheckLoad) -> None:
    found = look(a_load(), call_ms=6)
    call = found["NVML call"]
    assert call.status is Status.WARNING
    assert "slope over many ticks" in call.cost
    assert call.values["edge_width_ms"] == pytest.approx(16, abs=4)
    counter = found["energy counter"]
    assert counter.status is Status.OK
    assert counter.values["power_w"] == pytest.approx(480, rel=0.01)


def test_a_stuck_counter_is_a_fault(look: CheckLoad) -> None:
    counter = look(a_load(), freeze_s=1)["energy counter"]
    assert counter.status is Status.FAULT
    assert "did not move" in counter.evidence


def test_a_frozen_power_sensor_is_a_fault(look: CheckLoad) -> None:
    warming = [(t, p, 50 + t, m, r) for t, p, _, m, r in a_load()]
    power = look(warming, freeze_s=1)["instant power"]
    assert power.status is Status.FAULT
    assert "frozen" in power.evidence


@pytest.mark.parametrize("power_w", [5, 950])
def test_a_power_that_no_gpu_draws_is_a_fault(look: CheckLoad, power_w: float) -> None:
    counter = look(a_load(power_w))["energy counter"]
    assert counter.status is Status.FAULT
    assert counter.values["power_w"] == pytest.approx(power_w, rel=0.01)


@pytest.mark.parametrize(
    ("code", "status", "fault"),
    [
        (3, Status.WARNING, Fault.NOT_SUPPORTED),
        (13, Status.WARNING, Fault.TOO_OLD),
        (4, Status.FAULT, Fault.NO_PERMISSION),
        (15, Status.FAULT, Fault.GPU_LOST),
        (999, Status.FAULT, Fault.READ_FAILED),
    ],
)
def test_each_failure_of_the_counter_has_its_own_reason(
    look: CheckLoad, code: int, status: Status, fault: Fault
) -> None:
    found = look(a_load(), errors=f"nvmlDeviceGetTotalEnergyConsumption={code}")
    assert (found["energy counter"].status, found["energy counter"].evidence) == (status, fault)
    assert found["update periods"].values["counter_period_ms"] is None
    assert found["instant power"].status is Status.OK


def test_a_gpu_that_is_lost_meanwhile_is_a_fault(look: CheckLoad) -> None:
    calls = ("TotalEnergyConsumption", "FieldValues", "TemperatureV", "ClockInfo", "HandleByIndex")
    found = look(a_load(), errors=",".join(f"nvmlDeviceGet{call}=15@3" for call in calls))
    assert found["energy counter"].status is Status.FAULT
    assert found["energy counter"].evidence == Fault.GPU_LOST


def test_without_counter_and_power_there_is_no_energy(look: CheckLoad) -> None:
    found = look(a_load(), errors="nvmlDeviceGetTotalEnergyConsumption=3,field186=3")
    assert found["energy counter"].status is Status.FAULT
    assert found["instant power"].status is Status.WARNING
    assert "not supported (NVML code 3)" in found["instant power"].evidence


def test_two_sources_that_disagree_are_a_warning(look: CheckLoad) -> None:
    beat = [(0.0, 200e3), (0.05, 200e3), (0.051, 600e3), (0.099, 600e3)]
    beating = [(step / 10 + t, p, 50.0, 1755, 0) for step in range(100) for t, p in beat]
    found = look(beating)["instant power"]
    assert found.status is Status.WARNING
    assert "the counter is -" in found.evidence


def test_readings_that_are_refused_are_listed_with_their_code(look: CheckLoad) -> None:
    sensors = look(a_load(), errors="field82=3,field270=4")["sensors"]
    assert sensors.status is Status.OK
    assert "temp_memory_c: not supported (NVML code 3)" in sensors.evidence
    assert "throttle_hw_thermal_ns: no permission (NVML code 4)" in sensors.evidence


def test_a_driver_without_what_is_needed_is_a_warning(look: CheckLoad) -> None:
    functions = ("TemperatureV", "Temperature", "ClockInfo")
    found = look(a_load(), errors=",".join(f"nvmlDeviceGet{name}=13" for name in functions))
    assert found["sensors"].status is Status.WARNING
    assert f"{TEMP_GPU}: driver too old" in found["sensors"].evidence
    assert SM_CLOCK in found["sensors"].evidence
    assert found["clocks"].status is Status.SKIP


def test_the_power_limit_is_reported_and_heat_is_a_fault(look: CheckLoad) -> None:
    capped = look(a_load(reasons=0x4))["clocks"]
    assert capped.status is Status.OK
    assert capped.values["power_capped_ratio"] == pytest.approx(1, abs=0.01)
    assert look(a_load(reasons=0x40))["clocks"].status is Status.FAULT


def test_a_foreign_process_is_a_fault(look: CheckLoad) -> None:
    found = look(a_load(), processes=f"{OURS},200@3")["other processes"]
    assert found.status is Status.FAULT
    assert found.values["other_processes"] == 1


@pytest.mark.parametrize(
    "settings", [{"processes": ""}, {"errors": "nvmlDeviceGetComputeRunningProcesses=4"}]
)
def test_processes_that_cannot_be_seen_are_a_warning(
    look: CheckLoad, settings: dict[str, object]
) -> None:
    assert look(a_load(), **settings)["other processes"].status is Status.WARNING
