"""A step's log to power and temperature over time, or to the reason why it is unusable."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from moeprof.device.nvml import (
    COMPUTE_PROCESSES,
    ENERGY,
    EVENT_REASONS,
    POWER_INSTANT,
    POWER_LIMIT,
    SM_CLOCK,
    TEMP_GPU,
    NvmlCode,
)
from moeprof.energy.faults import Fault
from moeprof.energy.power_log import Series
from moeprof.energy.readings import Unusable
from moeprof.energy.thermal_samples import NO_TEMPERATURE, thermal_samples, why_unusable
from moeprof.store.errors import BadInput
from moeprof.store.provenance import Surroundings
from moeprof.store.recording import Failure, Load, Recording, sha256_of
from moeprof.tests.energy.metered_runs import write_power_log
from moeprof.tests.energy.power_logs import MS, S, counter, series, steady_log

Maker = Callable[..., Recording]


@pytest.fixture
def step(tmp_path: Path, recording: Maker) -> Callable[..., Recording]:
    """Give a maker of recordings whose log lies in `tmp_path`."""

    def make(readings: Mapping[str, Series], name: str = "a GPU") -> Recording:
        path = tmp_path / "power.csv"
        write_power_log(path, readings, name)
        return recording(collector="thermal", unit="step", files={"power.csv": sha256_of(path)})

    return make


def steady(**replaced: Series) -> dict[str, Series]:
    log = steady_log(replaced)
    return {name: log.series(name) for name in (ENERGY, POWER_INSTANT, TEMP_GPU, *replaced)}


def test_power_is_that_between_edges_and_temperature_that_at_them(
    tmp_path: Path, step: Maker
) -> None:
    numbers = np.arange(200)  # each reading is a degree warmer
    warming = series(numbers * 50 * MS + 40 * MS, numbers)
    samples = thermal_samples(tmp_path, step(steady(temp_gpu_c=warming)))
    assert samples["power_w"].to_numpy() == pytest.approx(480)
    time_s = samples["time_ns"].to_numpy() / 1e9
    assert np.diff(time_s) == pytest.approx(0.1)
    assert samples["temp_c"].to_numpy() == pytest.approx(np.round((time_s - 0.04) / 0.05))
    assert set(samples["source"].to_pylist()) == {"nvml_counter"}
    assert samples["failure"].null_count == len(samples)


def test_ticks_that_were_missed_leave_the_energy_between_their_neighbours(
    tmp_path: Path, step: Maker
) -> None:
    full = counter()
    kept = (full.begin_ns < 4 * S) | (full.begin_ns > 6 * S)
    gappy = series(full.begin_ns[kept], full.value[kept])
    samples = thermal_samples(tmp_path, step(steady(energy_mj=gappy)))
    assert np.diff(samples["time_ns"].to_numpy()).max() > 1.9 * S
    assert samples["power_w"].to_numpy() == pytest.approx(480)


def test_without_a_counter_readings_of_power_are_used(tmp_path: Path, step: Maker) -> None:
    none = series(np.arange(0, 10 * S, S), np.nan, code=NvmlCode.NOT_SUPPORTED)
    samples = thermal_samples(tmp_path, step(steady(energy_mj=none)))
    assert set(samples["source"].to_pylist()) == {"nvml_power"}
    assert samples["power_w"].to_numpy() == pytest.approx(480, abs=0.01)


def test_a_simulated_device_stays_simulated(tmp_path: Path, step: Maker) -> None:
    samples = thermal_samples(tmp_path, step(steady(), "H200 (simulated)"))
    assert set(samples["source"].to_pylist()) == {"simulated"}


CLOCK = series(np.arange(0, 10 * S, 100 * MS), 1755)
COOL = series(np.arange(0, 10 * S, 100 * MS), 0)


def loads(*times_s: tuple[float, float]) -> tuple[Load, ...]:
    times_ns = [(int(begin_s * S), int(end_s * S)) for begin_s, end_s in times_s]
    return tuple(Load("operation", "a", 0, times, (0, 9)) for times in times_ns)


def steady_s(samples: pa.Table) -> list[float]:
    """Times at which the rows begin and cease to be steady, s."""
    time_s = samples["time_ns"].to_numpy() / S
    changed = np.flatnonzero(np.diff(np.array([False, *samples["steady"].to_pylist()])))
    return [round(float(time_s[at]), 1) for at in changed]


def test_a_load_is_steady_once_it_has_settled_and_the_first_seconds_are_over(
    tmp_path: Path, step: Maker
) -> None:
    recorded = replace(
        step(steady(sm_clock_mhz=CLOCK, event_reasons=COOL)), loads=loads((1, 5), (6, 9))
    )
    found = steady_s(thermal_samples(tmp_path, recorded))
    assert found == pytest.approx([3, 5, 6.3, 9], abs=0.2)


@pytest.mark.parametrize(
    "replaced",
    [
        {SM_CLOCK: series(CLOCK.begin_ns, np.where(CLOCK.begin_ns < 7 * S, 1755, 1740))},
        {EVENT_REASONS: series(COOL.begin_ns, np.where(COOL.begin_ns < 7 * S, 0, 0x4))},
        {EVENT_REASONS: series(COOL.begin_ns, np.where(COOL.begin_ns < 7 * S, 0, 0x20))},
        {COMPUTE_PROCESSES: series(COOL.begin_ns, np.where(COOL.begin_ns < 7 * S, 0, 2))},
    ],
    ids=["clock", "power limit", "heat", "another process"],
)
def test_a_load_that_something_disturbed_is_not_steady(
    tmp_path: Path, step: Maker, replaced: dict[str, Series]
) -> None:
    readings = {"sm_clock_mhz": CLOCK, "event_reasons": COOL} | replaced
    recorded = replace(step(steady(**readings)), loads=loads((0, 5), (6, 9)))
    found = steady_s(thermal_samples(tmp_path, recorded))
    assert found == pytest.approx([2, 5], abs=0.2)


def test_a_load_beside_another_process_is_not_steady(tmp_path: Path, step: Maker) -> None:
    alone, beside = loads((0, 5), (6, 9))
    beside = replace(beside, surroundings=Surroundings(cores=2, other_cores=1.9))
    recorded = replace(step(steady(sm_clock_mhz=CLOCK, event_reasons=COOL)), loads=(alone, beside))
    assert steady_s(thermal_samples(tmp_path, recorded)) == pytest.approx([2, 5], abs=0.2)


def test_where_no_clock_was_read_nothing_is_steady(tmp_path: Path, step: Maker) -> None:
    recorded = replace(step(steady()), loads=loads((0, 9)))
    assert steady_s(thermal_samples(tmp_path, recorded)) == []


def test_loads_at_another_clock_than_most_are_not_steady(tmp_path: Path, step: Maker) -> None:
    slower = series(CLOCK.begin_ns, np.where(CLOCK.begin_ns < 3.5 * S, 1755, 1740))
    recorded = replace(step(steady(sm_clock_mhz=slower)), loads=loads((0, 3.3), (4, 6), (7, 9)))
    begin_s, *_, end_s = steady_s(thermal_samples(tmp_path, recorded))
    assert begin_s > 4
    assert end_s == pytest.approx(9, abs=0.2)


def test_a_failed_step_is_one_row_with_its_reason(tmp_path: Path, recording: Maker) -> None:
    failed = recording((), [Failure("a", 0, "out of memory")], collector="thermal", unit="step")
    (row,) = thermal_samples(tmp_path, failed).to_pylist()
    assert (row["failure"], row["source"], row["power_w"]) == ("out of memory", "unavailable", None)


def test_a_log_that_was_changed_is_refused(tmp_path: Path, step: Maker) -> None:
    recorded = step(steady())
    (tmp_path / "power.csv").write_text("# another")
    with pytest.raises(BadInput) as caught:
        thermal_samples(tmp_path, recorded)
    assert str(tmp_path / "power.csv") in caught.value.message
    assert caught.value.hint


UNSUPPORTED = series([S, 2 * S], np.nan, code=NvmlCode.NOT_SUPPORTED)
ALL_LOST = series(np.arange(0, 10 * S, S), np.nan, code=NvmlCode.GPU_IS_LOST)
RESET = replace(counter(), value=np.where(counter().begin_ns > 5 * S, 0, counter().value))
STUCK = replace(counter(), value=np.minimum(counter().value, counter().value[3000]))


@pytest.mark.parametrize(
    ("replaced", "reason"),
    [
        ({TEMP_GPU: series([], [])}, NO_TEMPERATURE),
        ({TEMP_GPU: UNSUPPORTED}, NO_TEMPERATURE),
        ({ENERGY: ALL_LOST}, Fault.GPU_LOST),
        ({ENERGY: RESET}, Fault.COUNTER_RESET),
        ({ENERGY: STUCK}, Unusable.STUCK),
        ({POWER_LIMIT: series([S], 300e3)}, Fault.IMPLAUSIBLE),
        ({ENERGY: counter(power_w=0)}, Unusable.TOO_FEW_TICKS),
        (
            {
                ENERGY: series([S, 2 * S], np.nan, code=NvmlCode.NOT_SUPPORTED),
                POWER_INSTANT: series([], []),
            },
            Fault.NOT_SUPPORTED,
        ),
        ({SM_CLOCK: series(np.arange(0, 10 * S, S), np.arange(10) * 100)}, None),
    ],
)
def test_a_step_without_a_thermal_response_has_a_reason(
    replaced: dict[str, Series], reason: str | None
) -> None:
    assert why_unusable(steady_log(replaced)) == reason
