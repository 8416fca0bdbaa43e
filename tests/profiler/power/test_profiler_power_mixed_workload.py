"""The recording of a mixed workload: its files, and a replay that breaks off."""

from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from moeprof.energy.mixed_workload import MeasuredWorkload, read_mixed_workload
from moeprof.profiler.power.mixed_workload import BROKE_OFF, record_mixed_workload
from moeprof.scenarios.mixed_workload import NAME
from moeprof.store.document import write_document
from moeprof.store.errors import BadInput, CannotMeasure
from moeprof.store.files import write_whole
from moeprof.store.run import Run
from moeprof.tests.fakenvml import fake
from moeprof.tests.profiler.answering import READY
from moeprof.tests.profiler.power.virtual_mixed_workload import (
    a_mixed_script,
    a_replay,
    trace_with,
    workload_recorder,
)
from moeprof.tests.profiler.power.virtual_power import IDLE_W, LOAD_W
from moeprof.tests.profiler.worlds import PROVENANCE, Beside, a_plan


@pytest.fixture
def run(tmp_path: Path) -> Run:
    run = Run(tmp_path / "run")
    write_document(run.plan_path, a_plan())
    write_whole(run.script(NAME), a_mixed_script(a_replay(5, 30)))
    return run


def test_a_replay_is_recorded_and_read_again(run: Run, simulate: fake.Simulate) -> None:
    replay = a_replay(5, 30)
    with simulate(trace_with(replay)) as clock:
        recording = record_mixed_workload(run, PROVENANCE, workload_recorder(clock))
    assert (recording.collector, recording.warnings) == ("replay", ())
    assert sorted(recording.files) == ["power.csv", "replay.json"]
    assert run.recordings() == [(run.unit("replay", NAME), recording)]

    found = read_mixed_workload(run)
    assert isinstance(found, MeasuredWorkload)
    assert found.cost.source == "simulated"
    assert {part.tokens for part in found.played} == {5, 30}
    assert {part.curve for part in found.played} == {"gelu-64-fp32-cold"}
    busy_s = found.window_s - found.gap_s
    assert found.cost.energy_mj.value == pytest.approx(
        1000 * (LOAD_W * busy_s + IDLE_W * found.gap_s), rel=1e-3
    )
    for part in found.played:
        assert part.launches == pytest.approx(1e6 * part.busy_s / part.tokens, rel=1e-3)


def test_a_replay_keeps_what_went_on_beside_it(run: Run, simulate: fake.Simulate) -> None:
    with simulate(trace_with(a_replay(5, 30))) as clock:
        record_mixed_workload(run, PROVENANCE, workload_recorder(clock), watch=Beside())
    found = read_mixed_workload(run)
    assert isinstance(found, MeasuredWorkload)
    assert found.disturbances == ("1 other process on the GPU",)


@pytest.mark.parametrize(
    ("script", "says"),
    [
        ("raise SystemExit('nothing can be run: out of memory')", "out of memory"),
        (READY + "input(); raise SystemExit(3)", "exit code 3"),
    ],
    ids=["at its start", "in the middle"],
)
def test_a_replay_that_breaks_off_says_why(run: Run, script: str, says: str) -> None:
    write_whole(run.script(NAME), script)
    silent: Any = SimpleNamespace(processes=())
    (warning,) = record_mixed_workload(run, PROVENANCE, lambda *_: nullcontext(silent)).warnings
    assert warning.startswith(f"{BROKE_OFF}: ")
    assert says in warning
    assert read_mixed_workload(run) == warning


def test_sensors_that_refuse_break_it_off(run: Run) -> None:
    def refuse(*_: object) -> Any:
        raise CannotMeasure("NVML is unavailable: the driver is gone")

    record_mixed_workload(run, PROVENANCE, refuse)
    assert read_mixed_workload(run) == (f"{BROKE_OFF}: NVML is unavailable: the driver is gone")


def test_a_run_without_a_replay_has_none_to_read(run: Run) -> None:
    assert read_mixed_workload(run) is None


def test_a_replay_that_was_changed_is_refused(run: Run, simulate: fake.Simulate) -> None:
    with simulate(trace_with(a_replay(5, 30))) as clock:
        record_mixed_workload(run, PROVENANCE, workload_recorder(clock))
    path = run.unit("replay", NAME) / "replay.json"
    path.write_text(path.read_text().replace('"launches": ', '"launches": 1'))
    with pytest.raises(BadInput, match="its sha256 differs"):
        read_mixed_workload(run)
