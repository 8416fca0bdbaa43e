"""One block of loads: what is recorded, and what becomes of everything that may go wrong."""

import os
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from moeprof.energy.faults import Fault
from moeprof.energy.per_launch import NOT_BUSY, NOT_SETTLED, metered_loads
from moeprof.energy.readings import Unusable
from moeprof.profiler.job import Job
from moeprof.profiler.power.block import Block
from moeprof.profiler.power.power_pass import measured_loads
from moeprof.profiler.power.sensor_recorder import RecorderEnded
from moeprof.profiler.power.sensors import OpenRecorder, RecordedRows
from moeprof.profiler.schedule.repeat import Repeat
from moeprof.store.errors import CannotMeasure
from moeprof.store.flag import FlagCode
from moeprof.store.provenance import Provenance, Surroundings
from moeprof.store.recording import Recording
from moeprof.tests.fakenvml import fake
from moeprof.tests.profiler.power.virtual_power import (
    LOAD_W,
    TRACE,
    SimulatedRecorder,
    a_script,
    virtual_recorder,
)
from moeprof.tests.profiler.worlds import Beside, a_scenario

MakeJob = Callable[..., Job]
FOREVER = float("inf")


def collect(
    job: Job, sensors: OpenRecorder, *repeats: Repeat, what_happens: str = "pass"
) -> list[Recording]:
    """The recordings of a block, but for its reference loads."""
    recordings = collect_all(job, sensors, *repeats, what_happens=what_happens)
    return [one for one in recordings if "-reference@" not in one.unit]


def collect_all(
    job: Job, sensors: OpenRecorder, *repeats: Repeat, what_happens: str = "pass"
) -> list[Recording]:
    job.run.script("gelu").write_text(a_script(what_happens))
    waiting = deque(repeats or (Repeat(4, 0), Repeat(2, 0)))
    recordings = []
    for recording in Block(job, sensors, 0, waiting, FOREVER).collect():
        job.run.keep(recording)
        recordings.append(recording)
    assert not waiting
    return recordings


def reasons(recordings: list[Recording]) -> list[str]:
    return [failure.reason for recording in recordings for failure in recording.failures]


def test_each_load_is_a_recording_with_its_log_after_the_idle_baseline(
    make_job: MakeJob, simulated_recorder: SimulatedRecorder
) -> None:
    job = make_job()
    with simulated_recorder() as sensors:
        recordings = collect(job, sensors)
    units = ["gelu-idle@0", f"{a_scenario(4).key}@0", f"{a_scenario(2).key}@0"]
    assert [recording.unit for recording in recordings] == units
    assert reasons(recordings) == []
    for recording in recordings:
        assert recording.collector == "power"
        assert len(recording.loads) == 1
        assert list(recording.files) == ["power.csv"]
        assert (job.run.unit("power", recording.unit) / "power.csv").is_file()
    assert [load.kind for recording in recordings for load in recording.loads] == [
        "idle", "operation", "operation",
    ]  # fmt: skip
    assert [scenario.tokens for scenario in recordings[1].scenarios] == [4]


def test_each_load_keeps_what_went_on_beside_it(
    make_job: MakeJob, simulated_recorder: SimulatedRecorder
) -> None:
    with simulated_recorder() as sensors:
        recordings = collect(replace(make_job(), watch=Beside()), sensors)
    seen = [load.surroundings for recording in recordings for load in recording.loads]
    assert seen == [Surroundings(gpu_processes=1)] * 3


def test_reference_loads_are_held_at_the_begin_the_middle_and_the_end(
    make_job: MakeJob, simulated_recorder: SimulatedRecorder
) -> None:
    job, repeats = make_job(), [Repeat(size, 0) for size in (4, 2, 8, 16)]
    with simulated_recorder() as sensors:
        recordings = collect_all(job, sensors, *repeats)
        kinds = [load.kind for one in recordings for load in one.loads]
        assert kinds == [
            "idle", "reference", "operation", "operation",
            "reference", "operation", "operation", "reference",
        ]  # fmt: skip
        again = collect_all(job, sensors, Repeat(4, 1))
    units = [one.unit for one in (*recordings, *again) if "-reference@" in one.unit]
    assert units == [f"gelu-reference@{number}" for number in range(5)]


def test_a_reference_load_that_is_refused_costs_a_warning_alone(
    make_job: MakeJob, simulated_recorder: SimulatedRecorder
) -> None:
    refused = "if kind == 'reference': answer({'error': 'out of memory'}); continue"
    with simulated_recorder() as sensors:
        recordings = collect_all(make_job(), sensors, what_happens=refused)
    assert reasons(recordings) == []
    warnings = [warning for one in recordings for warning in one.warnings]
    assert warnings == [f"gelu-reference@{number}: out of memory" for number in range(3)]


def test_a_baseline_is_measured_once_a_block(
    make_job: MakeJob, simulated_recorder: SimulatedRecorder
) -> None:
    job = make_job()
    with simulated_recorder() as sensors:
        collect(job, sensors, Repeat(4, 0))
        assert [one.unit for one in collect(job, sensors, Repeat(2, 0))] == [
            f"{a_scenario(2).key}@0"
        ]


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"errors": "nvmlDeviceGetTotalEnergyConsumption=4"}, Fault.NO_PERMISSION),
        ({"errors": "nvmlDeviceGetTotalEnergyConsumption=15@1.2"}, Fault.GPU_LOST),
        ({"errors": "nvmlDeviceGetTotalEnergyConsumption=999@1.2"}, Fault.READ_FAILED),
        (
            {"errors": "nvmlDeviceGetTotalEnergyConsumption=3,field186=3"},
            Fault.NOT_SUPPORTED,
        ),
        (
            {"errors": "nvmlDeviceGetTotalEnergyConsumption=13,field186=3"},
            Fault.TOO_OLD,
        ),
        ({"reset_s": 1.3}, Fault.COUNTER_RESET),
        ({"freeze_s": 0.5}, Unusable.STUCK),
        ({"processes": "77@1.0"}, Fault.FOREIGN_PROCESS),
        ({"update_ms": 800}, Unusable.TOO_FEW_TICKS),
        (
            {"trace": [(t, p, 50 + t, m, 0x40) for t, p, _, m, _ in TRACE]},
            Fault.THERMAL_THROTTLING,
        ),
        (
            {"trace": [(t, LOAD_W * 1e3, 50, 1980 - 300 * t, 0) for t in range(4)]},
            Fault.CLOCK_DRIFT,
        ),
        ({"trace": [(t, p, c, m, 0x80) for t, p, c, m, _ in TRACE]}, Fault.POWER_BRAKE),
        (
            {"trace": [(t / 20, 200e3 * 1.02**t, 50, 1755, 0) for t in range(60)]},
            NOT_SETTLED,
        ),
    ],
)
def test_a_bad_condition_is_a_named_failure_and_the_next_load_is_run(
    make_job: MakeJob,
    simulated_recorder: SimulatedRecorder,
    settings: dict[str, object],
    reason: str,
) -> None:
    with simulated_recorder(**settings) as sensors:
        recordings = collect(make_job(), sensors)
    assert reasons(recordings) == [reason] * 2
    assert all(recording.loads and recording.files for recording in recordings)


def test_without_a_counter_power_stands_in(
    make_job: MakeJob, simulated_recorder: SimulatedRecorder
) -> None:
    with simulated_recorder(errors="nvmlDeviceGetTotalEnergyConsumption=3") as sensors:
        assert reasons(collect(make_job(), sensors)) == []


@pytest.mark.parametrize(
    ("change", "reason"),
    [("epoch_jump", Fault.CLOCK_STEPPED), ("suspension", Fault.SUSPENDED)],
)
def test_a_clock_that_is_set_and_a_machine_that_sleeps_are_faults(
    make_job: MakeJob, simulate: fake.Simulate, change: str, reason: str
) -> None:
    with simulate(TRACE) as clock:
        setattr(clock, change, (1_000_000_000, 5_000_000_000))
        assert reasons(collect(make_job(), virtual_recorder(clock))) == [reason] * 2


@pytest.mark.parametrize(
    ("what_happens", "reason"),
    [
        ("load['duty'] = 0.9 if kind == 'load' else None", NOT_BUSY),
        (
            "if tokens == 4: answer({'error': 'out of memory'}); continue",
            "out of memory",
        ),
        ("if tokens == 4: sys.exit(1)", "the process ended with exit code 1"),
    ],
)
def test_a_load_that_fails_has_its_reason_and_the_next_is_run(
    make_job: MakeJob, simulated_recorder: SimulatedRecorder, what_happens: str, reason: str
) -> None:
    with simulated_recorder() as sensors:
        job = make_job()
        recordings = collect(job, sensors, what_happens=what_happens)
    found = reasons(recordings)
    assert reason in found[0]
    assert len(found) == (2 if "duty" in what_happens else 1)
    assert recordings[-1].scenarios[0].tokens == 2


def test_a_load_that_hangs_costs_its_time_limit(
    make_job: MakeJob, simulated_recorder: SimulatedRecorder
) -> None:
    job = make_job(point_timeout_s=0.05)
    idle = job.run.unit("power", "gelu-idle@0")
    idle.mkdir(parents=True)
    (idle / "recording.json").touch()  # it was measured before
    with simulated_recorder() as sensors:
        (failed,) = collect(job, sensors, Repeat(4, 0), what_happens="sys.stdin.read()")
    assert reasons([failed]) == ["no answer within 0.05 s"]


def test_without_sensors_every_load_fails_for_that_reason(make_job: MakeJob) -> None:
    def refuse(provenance: object, path: Path) -> AbstractContextManager[RecordedRows]:
        raise CannotMeasure("NVML is unavailable")

    job = make_job()
    (given_up,) = collect(job, refuse)
    assert reasons([given_up]) == ["NVML is unavailable"] * 2
    assert not job.run.unit("power", "gelu-idle@0").exists()


def test_a_recorder_that_fails_costs_its_own_load_and_a_resumed_run_repeats_it(
    make_job: MakeJob, simulated_recorder: SimulatedRecorder
) -> None:
    job = make_job()
    with simulated_recorder() as sensors:

        @contextmanager
        def failing(provenance: Provenance, path: Path) -> Iterator[RecordedRows]:
            with sensors(provenance, path) as rows:
                yield rows
            if "gelu-b4" in path.parent.name:
                raise RecorderEnded("the recorder of the sensors failed: signal SIGKILL")

        _, failed, good = collect(job, failing)
    assert reasons([failed]) == ["the recorder of the sensors failed: signal SIGKILL"]
    assert measured_loads(failed) == set()
    assert measured_loads(good) == {(a_scenario(2).key, 0)}


def test_a_slow_nvml_gives_an_energy_with_a_flag(
    make_job: MakeJob, simulated_recorder: SimulatedRecorder
) -> None:
    job = make_job()
    with simulated_recorder(call_ms=6) as sensors:
        recordings = collect(job, sensors)
    assert reasons(recordings) == []
    folder = job.run.unit("power", recordings[1].unit)
    ((load,), _) = metered_loads(folder, recordings[1])
    assert load.cost.power_w.value == pytest.approx(LOAD_W, rel=0.01)
    assert load.cost.power_w.ci95 is not None
    assert load.cost.power_w.ci95 > 0.001 * LOAD_W
    (flag,) = load.cost.flags
    assert flag.code == FlagCode.WIDE_EDGES
    assert "NVML took 6 ms to answer" in flag.sentence


@pytest.mark.parametrize(
    "settings",
    [
        {"errors": "nvmlDeviceGetTemperatureV=13,nvmlDeviceGetCurrentClocksEventReasons=13"},
        {"lost": 1},
        {"name": os.fsdecode(b"\xf8\x95\xa0 (simulated)")},
    ],
    ids=["an old driver", "a lost GPU beside it", "a name that is no UTF-8"],
)
def test_it_costs_no_energy(
    make_job: MakeJob, simulated_recorder: SimulatedRecorder, settings: dict[str, object]
) -> None:
    job = make_job()
    with simulated_recorder(**settings) as sensors:
        recordings = collect(job, sensors)
    assert reasons(recordings) == []
    for recording in recordings[1:]:
        ((load,), _) = metered_loads(job.run.unit("power", recording.unit), recording)
        assert load.cost.power_w.value == pytest.approx(LOAD_W, rel=1e-3)
        assert load.cost.temp_c == 50
        assert load.cost.flags == ()


def test_a_gpu_in_mig_mode_is_refused(
    make_job: MakeJob, simulated_recorder: SimulatedRecorder
) -> None:
    with simulated_recorder(mig=1) as sensors:
        (given_up,) = collect(make_job(), sensors)
    assert len(given_up.failures) == 2
    assert "is in MIG mode" in given_up.failures[0].reason


def test_a_script_that_does_not_start_fails_every_load(
    make_job: MakeJob, simulated_recorder: SimulatedRecorder
) -> None:
    job = make_job()
    with simulated_recorder() as sensors:
        job.run.script("gelu").write_text("raise SystemExit('no torch')")
        waiting = deque([Repeat(4, 0), Repeat(2, 0)])
        (given_up,) = Block(job, sensors, 0, waiting, FOREVER).collect()
    assert len(given_up.failures) == 2
    assert "the script does not start" in given_up.failures[0].reason
    assert "no torch" in given_up.failures[0].reason


def test_what_the_deadline_leaves_waits_still(
    make_job: MakeJob, simulated_recorder: SimulatedRecorder
) -> None:
    waiting = deque([Repeat(4, 0), Repeat(2, 0)])
    with simulated_recorder() as sensors:
        assert list(Block(make_job(), sensors, 0, waiting, 0.0).collect()) == []
    assert len(waiting) == 2
