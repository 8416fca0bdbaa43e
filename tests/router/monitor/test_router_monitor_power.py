"""Power while a GPU is watched: from the counter, and from a field while the counter lies."""

import pytest

from moeprof.device.nvml import ENERGY, POWER_INSTANT, POWER_USAGE
from moeprof.energy.faults import Fault
from moeprof.energy.readings import Unusable
from moeprof.router.monitor.nvml_source import NvmlSource
from moeprof.router.monitor.pressure import PressureLimits
from moeprof.router.monitor.snapshot import Snapshot, energy_between
from moeprof.router.monitor.watched import watched
from moeprof.store.provenance import EnergySource
from moeprof.tests.fakenvml import fake
from moeprof.tests.router.monitor.watching import BEFORE, STEADY, VirtualPace, at, watch


def test_power_is_that_between_the_edges_of_the_counter(simulate: fake.Simulate) -> None:
    with simulate(STEADY) as clock:
        seen = watch(clock, 5)
    assert [s.power_reading for s in seen[6:]] == [ENERGY] * len(seen[6:])
    assert [s.power_w for s in seen[6:]] == pytest.approx([300.0] * len(seen[6:]), rel=0.02)
    assert seen[-1].power_source == EnergySource.SIMULATED
    assert seen[-1].power_reason is None


def test_a_step_of_power_is_followed_within_a_second(simulate: fake.Simulate) -> None:
    step = [(0, 200e3, 50, 1755, 0), (3, 200e3, 50, 1755, 0), (3.001, 600e3, 50, 1755, 0)]
    with simulate([*step, (9, 600e3, 50, 1755, 0)]) as clock:
        seen = watch(clock, 6)
    assert at(seen, 2.9).power_w == pytest.approx(200, rel=0.02)
    assert at(seen, 4.2).power_w == pytest.approx(600, rel=0.02)


def test_until_the_first_ticks_power_is_a_field_by_its_name(simulate: fake.Simulate) -> None:
    with simulate(STEADY) as clock:
        first = watch(clock, 0.3)[0]
    assert (first.power_w, first.power_reading) == (300.0, POWER_INSTANT)
    assert first.power_reason == Unusable.TOO_FEW_TICKS


@pytest.mark.parametrize(
    ("lie", "reason"),
    [
        ({"jump_s": 3.05, "jump_mj": 1e6}, Fault.IMPLAUSIBLE),
        ({"reset_s": 3.05}, Fault.COUNTER_RESET),
        ({"wrap_mj": 5_900_000}, Fault.COUNTER_RESET),  # at 5 MJ first, and 300 W: after 3 s
        ({"errors": "nvmlDeviceGetTotalEnergyConsumption=999@3.05-3.06"}, Fault.READ_FAILED),
    ],
)
def test_a_counter_that_lies_gives_no_power_until_that_is_a_second_ago(
    simulate: fake.Simulate, lie: dict[str, object], reason: str
) -> None:
    with simulate(STEADY, **lie) as clock:
        seen = watch(clock, 6)
    during = at(seen, 3.5)
    assert (during.power_reading, during.power_reason) == (POWER_INSTANT, reason)
    assert [s.power_w for s in seen[6:]] == pytest.approx([300.0] * len(seen[6:]), rel=0.02)
    assert [at(seen, t).power_reading for t in (2.9, 5.0)] == [ENERGY, ENERGY]
    assert energy_between(at(seen, 2.9), at(seen, 5.0)) is None
    assert energy_between(at(seen, 4.8), seen[-1]) is not None


def test_a_counter_that_stands_still_is_stuck_and_both_sensors_may_be(
    simulate: fake.Simulate,
) -> None:
    warming = [(0, 300e3, 50, 1755, 0), (20, 300e3, 70, 1755, 0)]
    with simulate(warming, freeze_s=2) as clock:
        seen = watch(clock, 9)
    assert at(seen, 3.0).power_reason == Unusable.STUCK
    assert at(seen, 3.0).power_reading == POWER_INSTANT
    assert at(seen, 7).power_reason == f"{Unusable.STUCK}; {Fault.POWER_FROZEN}"
    assert (at(seen, 7).power_w, at(seen, 7).power_source) == (None, EnergySource.UNAVAILABLE)


def test_a_gpu_without_a_counter_has_the_power_of_a_field(simulate: fake.Simulate) -> None:
    without = "nvmlDeviceGetTotalEnergyConsumption=3"
    with simulate(STEADY, errors=without) as clock:
        seen = watch(clock, 1)[-1]
    assert (seen.power_w, seen.power_reading) == (300.0, POWER_INSTANT)
    assert (seen.power_reason, seen.counted) == (Fault.NOT_SUPPORTED, None)
    with simulate(STEADY, errors=f"{without},field186=3,field185=3") as clock:
        assert watch(clock, 1)[-1].power_reading == POWER_USAGE


def test_a_slow_nvml_shows_no_edges_and_power_is_a_field(simulate: fake.Simulate) -> None:
    with simulate(STEADY, call_ms=60) as clock:
        seen = watch(clock, 9)
    assert {s.power_reading for s in seen} == {POWER_INSTANT}
    assert [s.power_w for s in seen] == pytest.approx([300.0] * len(seen), rel=1e-4)
    assert seen[-1].power_reason is not None


def test_the_energy_of_a_time_is_that_between_two_snapshots(simulate: fake.Simulate) -> None:
    with simulate(STEADY) as clock:
        seen = watch(clock, 6)
    counted = energy_between(at(seen, 2.0), at(seen, 5.0))
    assert counted is not None
    assert counted[0] / counted[1] == pytest.approx(300, rel=0.01)
    assert counted[1] == pytest.approx(3.0, abs=0.25)


def test_a_counter_that_was_not_read_for_a_while_has_a_break(simulate: fake.Simulate) -> None:
    """It may have been reset, and have counted beyond its last value, meanwhile."""
    with simulate(STEADY) as clock:
        pace = VirtualPace(clock, 20)
        seen: list[Snapshot] = []
        for snapshot in watched(NvmlSource.of(), PressureLimits(), pace, BEFORE):
            if len(seen) == 20:
                clock.set_ns(10_000_000_000)  # a call that hangs
            seen.append(snapshot)
    before, after = seen[19], seen[-1]
    assert before.counted is not None
    assert after.counted is not None
    assert after.counted.since_s > 9.9
    assert energy_between(before, after) is None
