"""`moeprof validate --against nvml`, from the sensors to the verdict, and again from its files.

The device is this machine's processor under sensors of a simulated GPU; scripts are stand-ins that
take no time (tests/profiler/power/virtual_mixed_workload.py).
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from moeprof.device.identity import describe
from moeprof.pipeline import validate as stage
from moeprof.pipeline.measure import validation_run
from moeprof.pipeline.measure.progress import SILENT
from moeprof.profiler.collectors.cpu import CpuCollector
from moeprof.profiler.lock import device_lock
from moeprof.profiler.power.mixed_workload import BROKE_OFF
from moeprof.profiler.power.sensors import OpenRecorder
from moeprof.profiler.sweep import Sweep
from moeprof.scenarios.preset import load_preset, to_toml
from moeprof.scenarios.trust import sign
from moeprof.store.document import write_document
from moeprof.store.files import write_whole
from moeprof.store.plan import PowerPlan
from moeprof.store.run import Run
from moeprof.store.tables.parquet import read_table, write_table
from moeprof.tests.cli.command_line import Moeprof, Result
from moeprof.tests.fakenvml import fake
from moeprof.tests.profiler.power.virtual_mixed_workload import (
    a_mixed_script,
    a_replay,
    trace_with,
    workload_recorder,
)
from moeprof.tests.profiler.power.virtual_power import IDLE_W, LOAD_W, a_script
from moeprof.tests.profiler.worlds import a_plan, a_scenario, an_op_plan

HELD_OUT = (3, 5, 11, 30, 37, 50)
REPLAY = a_replay(*HELD_OUT)


@contextmanager
def metered_here(meter: OpenRecorder, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the sensors of this machine be the simulated ones, and the mixed workload a stand-in."""
    with monkeypatch.context() as patch:
        patch.setattr(stage, "kept_recorder", lambda: nullcontext(meter))
        patch.setattr(validation_run, "check_sensors", lambda provenance: "NVML's energy counter")
        patch.setattr(validation_run, "render_mixed_workload", lambda plan: a_mixed_script(REPLAY))
        yield


@pytest.fixture
def sensors(simulate: fake.Simulate) -> Iterator[OpenRecorder]:
    with simulate(trace_with(REPLAY)) as clock:
        yield workload_recorder(clock)


@pytest.fixture
def model_run(tmp_path: Path, sensors: OpenRecorder, moeprof: Moeprof) -> Run:
    """A run of one operation with its model: time is linear in batch size, power constant."""
    run = Run(tmp_path / "run")
    op_plan = an_op_plan(first=(1, 8, 22, 43, 64), holdout=HELD_OUT)
    plan = a_plan(sampling="all", ops=(op_plan,), power=PowerPlan(anchors=4, blocks=2))
    write_whole(run.script("gelu"), a_script())
    write_whole(run.preset_path, to_toml(load_preset("small")))
    write_document(run.plan_path, plan)
    sign(run, plan)
    here = describe("cpu", 1, git_commit=None, git_dirty=None)
    collectors = {"cpu": CpuCollector()}
    Sweep(run, plan, here, {"gelu": a_scenario}, collectors, SILENT, sensors).measure()
    assert moeprof("build-model", run.folder).exit_code == 0
    return run


Validate = Any


@pytest.fixture
def validate(
    moeprof: Moeprof, model_run: Run, sensors: OpenRecorder, monkeypatch: pytest.MonkeyPatch
) -> Validate:
    def run_it(*words: str) -> Result:
        with metered_here(sensors, monkeypatch):
            return moeprof("validate", model_run.folder, "--against", "nvml", *words)

    return run_it


def test_a_good_model_passes_at_sizes_it_has_not_seen_and_over_a_mixed_replay(
    validate: Validate, model_run: Run
) -> None:
    result = validate("--json")
    assert result.exit_code == 0, result.stderr
    verdict = result.data
    assert {(curve["metric"], curve["n"], curve["outcome"]) for curve in verdict["curves"]} == {
        (metric, 6, "PASS") for metric in ("latency", "power", "energy")
    }
    for curve in verdict["curves"]:
        assert curve["mape"] < 0.01
        assert curve["floor"] is not None
        assert curve["coverage_95"] is not None
    replay = verdict["replay"]
    busy_s = replay["window_s"] - replay["gap_s"]
    known_j = LOAD_W * busy_s + IDLE_W * replay["gap_s"]
    assert abs(replay["measured_j"] - known_j) < 1.5 * replay["measured_ci95_j"] + 1e-3 * known_j
    assert replay["predicted_j"] == pytest.approx(known_j, rel=5e-3)
    assert replay["gap_j"] == pytest.approx(IDLE_W * replay["gap_s"], rel=1e-2)
    assert (replay["outcome"], replay["power_coverage"]) == ("PASS", 1.0)
    assert replay["energy_source"] == verdict["sensor"]["energy_source"] == "simulated"


def test_its_files_alone_give_the_same_verdict_again(
    moeprof: Moeprof, validate: Validate, model_run: Run
) -> None:
    result = validate("--json")
    folder = model_run.folder / "nvml"
    assert result.data["against"] == folder.name
    written = model_run.folder / "validation-nvml.json"
    assert json.loads(written.read_text()) == result.data
    again = moeprof("validate", model_run.folder, "--against", folder, "--json")
    day = {"validated_utc": again.data["validated_utc"]}
    assert (again.exit_code, again.data) == (result.exit_code, result.data | day)
    assert json.loads(written.read_text()) == again.data
    assert not list(model_run.folder.glob("validations/*"))


def test_beside_another_sweep_it_is_refused_unless_forced_and_then_proves_nothing(
    validate: Validate,
) -> None:
    with device_lock(None, "theirs"):
        refused = validate()
        assert refused.exit_code == 2
        assert "run theirs" in refused.errors[0]
        assert "--wait 10m" in refused.hint
        waited = validate("--wait", "1s")
        assert waited.exit_code == 2
        assert "--wait" not in waited.hint
        forced = validate("--force", "--json")
    assert forced.exit_code == 125
    outcomes = {one["outcome"] for one in forced.data["curves"]}
    assert outcomes == {forced.data["replay"]["outcome"]} == {"AMBIGUOUS"}
    assert "another sweep on the same device" in forced.data["replay"]["marks"]


def test_it_is_shown_within_80_columns(validate: Validate) -> None:
    result = validate()
    assert max(map(len, result.stdout.splitlines())) <= 80
    for said in ("Error of latency", "Error of power", "Error of energy", "Mixed workload: "):
        assert said in result.stdout
    assert max(map(len, result.stderr.splitlines()[-6:])) <= 80
    said = " ".join(result.stderr.split())
    assert "PASS: run against nvml: 3 of 3 comparisons pass at 3 %" in said
    assert "mixed workload: PASS: the sum is off by" in said
    assert "scale of the sensor (simulated), in no error above: not known" in said


def test_the_measurement_is_a_run_inside_the_models_run_of_its_held_out_sizes(
    validate: Validate, model_run: Run
) -> None:
    validate()
    run = Run(model_run.folder / "nvml")
    plan, measured = run.plan(), model_run.plan()
    assert plan.run_id == f"{measured.run_id}-nvml"
    (op,) = plan.ops
    assert (op.domain, op.holdout, op.first, op.calibration) == (HELD_OUT, HELD_OUT, (), ())
    assert plan.power == PowerPlan(anchors=6, blocks=2)
    assert run.script("gelu").read_text() == model_run.script("gelu").read_text()
    keys = {load.scenario_key for _, one in run.recordings() for load in one.loads}
    assert keys == {None, *(a_scenario(size).key for size in HELD_OUT)}


def test_what_was_interrupted_is_gone_on_with_and_a_whole_one_is_not(
    validate: Validate, model_run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(validation_run, "record_mixed_workload", interrupt)
        result = validate()
    assert result.exit_code == 130
    assert "the same command goes on with it" in result.stderr
    run = Run(model_run.folder / "nvml")
    made = {path: path.stat().st_mtime_ns for path in run.folder.glob("raw/*/*/recording.json")}

    result = validate()
    assert result.exit_code == 0
    assert f"going on with: {run.folder}" in result.stderr
    assert (
        made.items()
        <= {path: path.stat().st_mtime_ns for path in run.folder.glob("raw/*/*/*.json")}.items()
    )

    assert f"measuring into: {model_run.folder / 'nvml-2'}" in validate().stderr


def test_a_replay_that_broke_off_gives_no_verdict_and_is_tried_again(
    validate: Validate, model_run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = validate()
    run = Run(model_run.folder / "nvml")
    for path in run.folder.glob("raw/replay/*/*"):
        path.unlink()
    good = run.script("mixed-replay").read_text()
    write_whole(run.script("mixed-replay"), "raise SystemExit('out of memory')")
    sign(run, run.plan())
    result = validate()
    assert result.exit_code == 125
    assert f"mixed workload: AMBIGUOUS: {BROKE_OFF}" in result.stderr
    write_whole(run.script("mixed-replay"), good)
    sign(run, run.plan())
    result = validate()
    assert (result.exit_code, "going on with" in result.stderr) == (0, True)


def nothing_was_made(run: Run) -> bool:
    return not list(run.folder.glob("nvml*")) and not list(run.folder.glob("validation*"))


def test_points_that_are_not_of_the_recordings_are_made_anew(
    validate: Validate, model_run: Run
) -> None:
    path = model_run.table("points")
    points = read_table(path, "points")
    write_table(path, "points", points.slice(1))
    assert validate().exit_code == 0
    assert read_table(path, "points").equals(points)


def test_a_model_of_another_device_is_refused_before_anything_runs(
    validate: Validate, model_run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = describe("cpu", 1, git_commit=None, git_dirty=None)
    other = replace(here, device_name="Abacus")
    monkeypatch.setattr(validation_run, "described_at", lambda *given: other)
    result = validate()
    assert result.exit_code == 2
    assert result.errors == [
        f"the model was measured on {here.device_name}, and cpu here is Abacus"
    ]
    assert nothing_was_made(model_run)


def test_a_run_of_a_gpu_that_is_not_here_cannot_be_measured(
    validate: Validate, model_run: Run
) -> None:
    write_document(model_run.plan_path, replace(model_run.plan(), device="cuda:97"))
    result = validate()
    assert result.exit_code == 3
    assert result.errors[0].startswith("'cuda:97' is not there")
    assert "--against RUN" in result.hint
    assert nothing_was_made(model_run)


def test_a_run_that_held_nothing_out_has_nothing_to_measure(
    validate: Validate, model_run: Run
) -> None:
    (op,) = model_run.plan().ops
    write_document(model_run.plan_path, replace(model_run.plan(), ops=(replace(op, holdout=()),)))
    result = validate()
    assert result.exit_code == 2
    assert "held out no size that it measured" in result.errors[0]
    assert nothing_was_made(model_run)


def test_a_model_without_its_run_cannot_be_measured_again(
    moeprof: Moeprof, model_run: Run, tmp_path: Path
) -> None:
    alone = tmp_path / "alone" / "model.json"
    write_whole(alone, model_run.model_path.read_bytes())
    result = moeprof("validate", alone, "--against", "nvml")
    assert result.exit_code == 2
    assert f"{alone.parent} is not a run" in result.errors[0]
