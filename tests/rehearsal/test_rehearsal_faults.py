"""What befalls a GPU in the middle of a sweep: what each fault costs, and with which reason."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import moeprof
from moeprof.energy.faults import Fault
from moeprof.store.run import Run
from moeprof.store.tables.parquet import read_table
from moeprof.tests.rehearsal.machine import Machine, Slowdown
from moeprof.tests.rehearsal.rehearsal import Rehearsal

GPU_IS_LOST = 15
FUNCTION_NOT_FOUND = 13
NOT_SUPPORTED = 3
HEAT = 0x40  # hardware thermal slowdown (nvml.h, nvmlClocksEventReasonHwThermalSlowdown)
FOREVER_S = 1e9
SIZES = "1,4,16,64"
BRIEFLY = ("--ops", "fc1", "--sampling", "all", "--batch-sizes", SIZES, "--budget", "30s")


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep said and left."""

    exit_code: int
    ops: dict[str, dict[str, Any]]
    run: Run
    stderr: str

    @property
    def reasons(self) -> set[str]:
        """Why anything is missing, without repetition."""
        return {one["reason"] for op in self.ops.values() for one in op["failures"]}

    def told(self) -> str:
        """Every reason and warning of its recordings."""
        recordings = [one for _, one in self.run.recordings()]
        reasons = [failure.reason for one in recordings for failure in one.failures]
        return "\n".join(reasons + [text for one in recordings for text in one.warnings])

    def marks(self) -> str:
        """All that the flags of the points say, once the run is parsed."""
        points = read_table(self.run.table("points"), "points")
        return "\n".join(mark for row in points.to_pylist() for mark in row["marks"])


Sweep = Callable[..., Swept]


@pytest.fixture
def sweep(stage: Rehearsal, profile: tuple[object, ...]) -> Sweep:
    """Give the function that sweeps fc1 briefly; words are added to its options."""

    def of(*words: object) -> Swept:
        result = stage.moeprof(*profile, *BRIEFLY, *words, "--json")
        assert result.exit_code in (0, 4), result.stderr
        ops = {one["collector"]: one for one in result.data["ops"]}
        return Swept(result.exit_code, ops, Run(Path(result.data["run"])), result.stderr)

    return of


def test_a_size_that_finds_no_memory_and_a_gpu_that_is_lost(stage: Rehearsal, sweep: Sweep) -> None:
    """The size fails alone. The GPU takes the second visits with it; a resumed run has them."""
    lost_s = stage.now_s + 2.7  # in the second process: each warms the GPU first
    stage.set_machine(Machine(oom_rows=32, lost_s=lost_s))
    swept = sweep("--no-power")
    failures = swept.ops["kineto"]["failures"]
    memory = {one["scenario_key"] for one in failures if "OutOfMemoryError" in one["reason"]}
    assert [key.split("-")[1] for key in memory] == ["b64"]
    assert any("No CUDA GPUs are available" in reason for reason in swept.reasons)
    assert swept.ops["kineto"]["measured"] >= 3
    stage.set_machine(Machine())
    resumed = stage.moeprof("profile", swept.run.folder, "--resume", "--json")
    assert resumed.exit_code == 0, resumed.stderr
    (op,) = resumed.data["ops"]
    assert (op["failures"], op["recalled"]) == ([], swept.ops["kineto"]["measured"])


def test_a_kernel_that_crashes_costs_its_own_size_and_one_visit_of_those_before_it(
    stage: Rehearsal, sweep: Sweep
) -> None:
    """Kineto writes its trace when a process ends by itself: one that crashes leaves none."""
    stage.set_machine(Machine(crash_rows=32))
    swept = sweep("--no-power")
    failures = swept.ops["kineto"]["failures"]
    crashed = {one["scenario_key"] for one in failures if "illegal memory" in one["reason"]}
    assert [key.split("-")[1] for key in crashed] == ["b64"]
    others = {one["reason"] for one in failures if one["scenario_key"] not in crashed}
    assert others <= {"torch.profiler left no trace: its process did not end by itself"}
    assert stage.moeprof("build-model", swept.run.folder).exit_code == 0
    assert not moeprof.load(swept.run.folder).get_cost("fc1", batch_size=16).extrapolated


def test_a_clock_that_falls_for_some_loads(stage: Rehearsal, sweep: Sweep) -> None:
    """A load that ran at the fallen clock, in part or alone, shows it beside the others."""
    # A second in every four: whenever the loads begin, some meet it and most do not.
    fallen = [Slowdown(stage.now_s + at, stage.now_s + at + 1, 345) for at in range(5, 60, 4)]
    stage.set_machine(Machine(slowdowns=tuple(fallen)))
    swept = sweep()
    assert swept.ops["kineto"]["failures"] == []
    assert stage.moeprof("build-model", swept.run.folder).exit_code == 0
    words = (Fault.CLOCK_DRIFT, "the SM clock was 345 MHz, and 1980 MHz in most loads")
    assert any(one in swept.told() + swept.marks() for one in words)


def test_heat_under_an_old_driver_and_a_gpu_that_nvml_loses(stage: Rehearsal, sweep: Sweep) -> None:
    """Older functions serve, times go on, and what has no energy says so."""
    missing = ("nvmlDeviceGetTemperatureV", "nvmlDeviceGetCurrentClocksEventReasons")
    lost = f"nvmlDevice={GPU_IS_LOST}@{stage.now_s + 12}-{FOREVER_S}"
    errors = ",".join([*(f"{name}={FUNCTION_NOT_FOUND}" for name in missing), lost])
    hot = Slowdown(stage.now_s + 6, stage.now_s + FOREVER_S, 1200, HEAT)
    stage.set_machine(Machine(slowdowns=(hot,)), errors=errors)
    swept = sweep()
    assert swept.ops["kineto"]["failures"] == []
    assert Fault.THERMAL_THROTTLING in swept.told()
    # Within a load, or before one begins.
    assert any(words in swept.told() for words in (Fault.GPU_LOST, "gpu is lost"))
    built = stage.moeprof("build-model", swept.run.folder)
    assert built.exit_code == 0
    assert "no recording.json" not in built.stderr


def test_an_energy_counter_that_is_no_longer_supported_amid_a_sweep(
    stage: Rehearsal, sweep: Sweep
) -> None:
    """Instant power takes its place, and no load is lost."""
    since = f"{stage.now_s + 18}-{FOREVER_S}"
    stage.set_machine(
        Machine(), errors=f"nvmlDeviceGetTotalEnergyConsumption={NOT_SUPPORTED}@{since}"
    )
    swept = sweep()
    assert swept.ops["power"]["failures"] == []
    assert stage.moeprof("build-model", swept.run.folder).exit_code == 0
    ((_, energy_mj),) = stage.truth(swept.run.script("fc1"), [64]).values()
    cost = moeprof.load(swept.run.folder).get_cost("fc1", batch_size=64)
    assert cost.energy_mj == pytest.approx(energy_mj, rel=0.05)


def test_a_gpu_that_captures_nothing_and_an_nvml_that_is_slow(
    stage: Rehearsal, sweep: Sweep
) -> None:
    """Energies are measured all the same, and the points say how."""
    stage.set_machine(Machine(captures=False, nvml_call_s=0.004))
    swept = sweep()
    assert swept.ops["power"]["failures"] == []
    assert stage.moeprof("build-model", swept.run.folder).exit_code == 0
    assert "NVML took 4 ms to answer" in swept.marks()
    assert "stream is capturing" in swept.marks()
    loads = [load for _, one in swept.run.recordings() for load in one.loads]
    assert {load.kind for load in loads if load.eager_reason} == {"operation", "reference"}
    model = moeprof.load(swept.run.folder)
    stage.set_machine(Machine())
    truth = stage.truth(swept.run.script("fc1"), [1, 4, 16, 64])
    for size, (_, energy_mj) in truth.items():
        cost = model.get_cost("fc1", batch_size=size)
        if cost.energy_mj_lo is not None and cost.energy_mj_hi is not None:  # as at loaded sizes
            assert cost.energy_mj_lo <= energy_mj <= cost.energy_mj_hi
        else:
            assert size in (4, 16)
