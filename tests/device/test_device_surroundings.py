"""What went on beside us between two moments, from counters that a test made up."""

from dataclasses import replace
from typing import Any

import pytest

from moeprof.device.cpu_time import CpuTimes
from moeprof.device.nvml import Sensors, nvml
from moeprof.device.surroundings import (
    CpuMoment,
    beside_us_on_cpu,
    beside_us_on_gpu,
    cpu_moment,
    gpu_moment,
)
from moeprof.store.provenance import Surroundings
from moeprof.tests.fakenvml import fake

START = CpuMoment(
    time_s=100.0,
    cores=(0, 1),
    times=CpuTimes(1000.0, 200.0),
    ours_s=50.0,
    heat_events=7,
    quota_stops=3,
    load_average=6.9,
    governors=("powersave",),
    quota_cores=None,
)
COOL = [(0, 90e3, 30.0, 1755, 0), (100, 90e3, 30.0, 1755, 0)]


def after(busy_s: float, ours_s: float = 0.0, passed_s: float = 1.0, **changed: Any) -> CpuMoment:
    """A later moment: two cores were busy for `busy_s` together, `ours_s` of it for us."""
    values: dict[str, Any] = {
        "time_s": START.time_s + passed_s,
        "times": CpuTimes(1000.0 + 2 * passed_s, 200.0 + busy_s),
        "ours_s": START.ours_s + ours_s,
    }
    return replace(START, **(values | changed))


def other_cores(later: CpuMoment) -> float | None:
    return beside_us_on_cpu(START, later).other_cores


def test_others_are_busy_for_what_is_not_ours() -> None:
    assert other_cores(after(1.9, 1.0)) == pytest.approx(0.9)
    assert other_cores(after(1.9, 0.0)) == pytest.approx(1.9)
    assert other_cores(after(0.2, 0.1, passed_s=0.2)) == pytest.approx(0.5)


def test_ticks_that_are_counted_late_make_no_negative_time() -> None:
    assert other_cores(after(0.98, 1.0)) == 0


@pytest.mark.parametrize(
    "later",
    [
        after(0.0, times=None),
        after(0.05, passed_s=0.05),  # a few ticks
        after(0.0, times=START.times),  # a sandbox whose /proc/stat stands still
        after(1.0, cores=(0, 1, 2)),
    ],
)
def test_others_are_unknown_where_the_counters_do_not_tell(later: CpuMoment) -> None:
    assert other_cores(later) is None


def test_heat_and_a_quota_slow_down_where_their_counts_rise() -> None:
    assert beside_us_on_cpu(START, after(0.0)).slowed_by == ()
    both = beside_us_on_cpu(START, after(0.0, heat_events=8, quota_stops=4)).slowed_by
    assert both == ("heat", "a CPU quota")
    uncounted = replace(START, heat_events=None, quota_stops=None)
    assert beside_us_on_cpu(uncounted, after(0.0)).slowed_by == ()


def test_the_other_facts_are_those_of_the_later_moment() -> None:
    seen = beside_us_on_cpu(START, after(0.5, load_average=1.5, quota_cores=1.5))
    assert seen == Surroundings(
        cores=2, other_cores=0.5, load_average=1.5, governors=("powersave",), quota_cores=1.5
    )


def test_this_machine_is_read() -> None:
    now = cpu_moment([])
    assert now.ours_s == 0
    assert len(now.cores) >= 1


def gpu(clock: fake.VirtualClock, own_processes: int) -> Surroundings:
    """What goes on on the simulated GPU in one second."""
    with nvml() as library:
        sensors = Sensors(library, fake.UUID)
        before = gpu_moment(sensors)
        clock.set_ns(1_000_000_000)
        return beside_us_on_gpu(before, gpu_moment(sensors), own_processes)


def test_other_processes_on_a_gpu_are_all_but_ours(simulate: fake.Simulate) -> None:
    with simulate(COOL, processes="41@0,42@0") as clock:
        assert gpu(clock, 0).gpu_processes == 2
        assert gpu(clock, 1).gpu_processes == 1
    with simulate(COOL) as clock:  # a script that has no context yet
        assert gpu(clock, 1).gpu_processes == 0


def test_how_busy_a_gpu_is_says_something_only_without_us(simulate: fake.Simulate) -> None:
    with simulate(COOL, utilization=37) as clock:
        assert gpu(clock, 0).gpu_busy == 0.37
        assert gpu(clock, 1).gpu_busy is None


@pytest.mark.parametrize(
    ("bits", "brakes"),
    [(0x1, ()), (0x4, ()), (0x20, ("heat",)), (0x40, ("heat",)), (0xC0, ("heat", "a power brake"))],
)
def test_heat_and_the_power_brake_slow_a_gpu_down_and_its_power_limit_does_not(
    simulate: fake.Simulate, bits: int, brakes: tuple[str, ...]
) -> None:
    rows = [(t, 90e3, 30.0, 1755, bits) for t in (0, 100)]
    with simulate(rows) as clock:
        assert gpu(clock, 1).slowed_by == brakes


def test_a_brake_that_is_off_again_is_seen_by_its_time(simulate: fake.Simulate) -> None:
    hot = [(0, 90e3, 30.0, 1755, 0x40), (0.5, 90e3, 30.0, 1755, 0x40), (0.51, 90e3, 30.0, 1755, 0)]
    with simulate([*hot, (100, 90e3, 30.0, 1755, 0)]) as clock:
        assert gpu(clock, 1).slowed_by == ("heat",)


def test_a_gpu_that_tells_nothing_leaves_nothing_known(simulate: fake.Simulate) -> None:
    lost = ",".join(
        f"{name}=15"
        for name in (
            "nvmlDeviceGetComputeRunningProcesses",
            "nvmlDeviceGetUtilizationRates",
            "nvmlDeviceGetFieldValues",
            "nvmlDeviceGetCurrentClocksEventReasons",
        )
    )
    with simulate(COOL, errors=lost, processes="41@0") as clock:
        assert gpu(clock, 0) == Surroundings()
