"""A mixed workload on a sensor whose power is a known function of time."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moeprof.device.nvml import ENERGY, NvmlCode, Sensors, nvml
from moeprof.energy.faults import Fault
from moeprof.energy.mixed_workload import MeasuredWorkload, measure_mixed_workload
from moeprof.energy.power_log import read_power_log
from moeprof.energy.readings import Unusable
from moeprof.profiler.power.device_sensors import header
from moeprof.profiler.power.sensor_log import write_log
from moeprof.profiler.power.sensor_reader import SensorReader
from moeprof.store.mixed_workload import MixedWorkload, Note, Segment
from moeprof.tests.energy.power_logs import MS, S, series, steady_log
from moeprof.tests.fakenvml import fake

CURVES = {"fc1": "fc1-8x4-fp32-cold", "gelu": "gelu-4-fp32-cold"}
POWERS_W = {"fc1": 500.0, "gelu": 250.0}
IDLE_W = 100.0


def a_workload(seed: int = 0, seconds: float = 8.0) -> MixedWorkload:
    """Segments of 5 to 200 ms with pauses between some, from 1 s on."""
    draw = Random(seed)
    segments: list[Segment] = []
    now_ms = 1000
    while now_ms < 1000 * (1 + seconds):
        op, length_ms = draw.choice(sorted(CURVES)), draw.randint(5, 200)
        begin_ns, end_ns = now_ms * MS, (now_ms + length_ms) * MS
        segments.append(Segment(op, draw.choice((3, 8)), begin_ns, end_ns, 10 * length_ms))
        now_ms += length_ms + (draw.randint(5, 100) if draw.random() < 0.25 else 0)
    return MixedWorkload(tuple(segments))


def trace_of(workload: MixedWorkload) -> list[fake.TraceRow]:
    """The power of each segment, and idle power between them, with edges of a microsecond."""
    rows: list[fake.TraceRow] = [(0, IDLE_W * 1e3, 50, 1755, 0)]
    for segment in workload.stretches:
        power_mw = POWERS_W[segment.op] * 1e3
        begin_s, end_s = segment.begin_ns / S, segment.end_ns / S
        for time_s, value in (
            (begin_s, IDLE_W * 1e3),
            (begin_s + 1e-6, power_mw),
            (end_s - 1e-6, power_mw),
            (end_s, IDLE_W * 1e3),
        ):
            rows.append((max(time_s, rows[-1][0]), value, 50, 1755, 0))
    return [*rows, (1000, IDLE_W * 1e3, 50, 1755, 0)]


def balance_j(found: MeasuredWorkload) -> float:
    """Energy by the known powers of what the parser says ran."""
    ops = {curve: op for op, curve in CURVES.items()}
    busy_j = sum(POWERS_W[ops[part.curve]] * part.busy_s for part in found.played)
    return busy_j + IDLE_W * found.gap_s


@pytest.fixture
def metered(simulate: fake.Simulate, tmp_path: Path) -> Callable[..., MeasuredWorkload]:
    def measure(
        workload: MixedWorkload, processes: int = 0, **conditions: object
    ) -> MeasuredWorkload:
        with simulate(trace_of(workload), **conditions) as clock, nvml() as library:
            recorder = SensorReader(Sensors(library, fake.UUID), clock)
            recorder.record(clock.reached(workload.stretches[-1].end_ns / S + 0.3))
            write_log(tmp_path / "power.csv", header(fake.UUID), recorder.rows)
        return measure_mixed_workload(
            read_power_log(tmp_path / "power.csv"), workload, CURVES, processes
        )

    return measure


@pytest.mark.parametrize("seed", range(4))
def test_the_energy_is_that_of_the_known_powers_within_its_interval(
    metered: Callable[..., MeasuredWorkload], seed: int
) -> None:
    found = metered(a_workload(seed))
    energy_j, ci95_j = found.cost.energy_mj.value, found.cost.energy_mj.ci95
    assert energy_j is not None
    assert ci95_j is not None
    assert abs(energy_j / 1000 - balance_j(found)) <= ci95_j / 1000
    assert ci95_j < 1e-3 * energy_j
    assert (found.cost.source, found.cost.reason) == ("simulated", None)
    assert 7.5 < found.window_s < 8.3
    assert found.segments > 40


def test_what_the_ends_of_the_window_cut_counts_by_its_part() -> None:
    workload = MixedWorkload((Segment("fc1", 3, 1 * S + 50 * MS, 4 * S + 50 * MS, 3000),))
    found = measure_mixed_workload(steady_log(), workload, CURVES, 0)
    assert found.window_s == pytest.approx(2.9, abs=0.002)
    (part,) = found.played
    assert (part.curve, part.tokens) == (CURVES["fc1"], 3)
    assert part.launches == pytest.approx(2900, abs=2)
    assert part.busy_s == pytest.approx(found.window_s)
    assert found.gap_s == 0
    assert found.cost.energy_mj.value == pytest.approx(480e3 * found.window_s, rel=1e-4)


def test_where_the_counter_fails_there_is_a_reason_and_all_launches_count() -> None:
    segment = Segment("fc1", 3, 1 * S + 50 * MS, 4 * S + 50 * MS, 3000)
    log = steady_log(
        {ENERGY: series(range(0, 5 * S, 10 * MS), float("nan"), code=NvmlCode.GPU_IS_LOST)}
    )
    found = measure_mixed_workload(log, MixedWorkload((segment,)), CURVES, 0)
    assert found.cost.reason == Fault.GPU_LOST
    assert found.cost.energy_mj.value is None
    assert [part.launches for part in found.played] == [3000]


def test_a_counter_that_freezes_for_good_takes_the_energy_away(
    metered: Callable[..., MeasuredWorkload],
) -> None:
    found = metered(a_workload(), freeze_s=5)
    assert (found.cost.energy_mj.value, found.cost.reason) == (None, Unusable.STUCK)
    assert found.window_s > 7.5


def test_notes_of_the_recording_are_handed_on() -> None:
    out, eager = Note("gelu", 8, "out of memory"), Note("fc1", 3, "it copies to the host")
    workload = replace(a_workload(), left_out=(out,), launched_one_by_one=(eager,))
    found = measure_mixed_workload(steady_log(), workload, CURVES, 0)
    assert (found.left_out, found.launched_one_by_one) == ((out,), (eager,))


@settings(max_examples=25)
@given(st.integers(0, 10_000))
def test_time_that_is_not_busy_is_gap(seed: int) -> None:
    found = measure_mixed_workload(steady_log(), a_workload(seed, seconds=4), CURVES, 0)
    busy_s = sum(part.busy_s for part in found.played)
    assert busy_s + found.gap_s == pytest.approx(found.window_s)
    for part in found.played:
        assert part.launches == pytest.approx(10_000 * part.busy_s)
