"""The power pass of a whole sweep: from loads to points and a model with energy, and resumed."""

import os
import shutil
import subprocess
import sys
import time
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from moeprof.costmodel.build import build_model
from moeprof.costmodel.model import KernelCostModel
from moeprof.energy.faults import Fault
from moeprof.energy.per_launch import NOT_BUSY
from moeprof.energy.point_energies import NO_ANCHOR, NOT_REACHED
from moeprof.pipeline.parse import parse_run
from moeprof.profiler.job import Job
from moeprof.profiler.power import power_pass
from moeprof.profiler.power.power_pass import PowerJob, kernels_of, least_known_first
from moeprof.profiler.power.sensors import OpenRecorder
from moeprof.profiler.schedule.op_summary import OpSummary
from moeprof.profiler.schedule.schedule import Schedule
from moeprof.scenarios.plan import block_s
from moeprof.store.document import write_document
from moeprof.store.errors import CannotMeasure
from moeprof.store.files import write_whole
from moeprof.store.plan import Plan, PowerPlan
from moeprof.store.recording import PointTiming, Recording
from moeprof.store.run import Run
from moeprof.store.tables.parquet import read_table, table_from_columns
from moeprof.tests.fakenvml import fake
from moeprof.tests.profiler import worlds
from moeprof.tests.profiler.power import real_loads
from moeprof.tests.profiler.power.virtual_power import (
    IDLE_W,
    LOAD_W,
    TRACE,
    SimulatedRecorder,
    a_script,
)
from moeprof.tests.profiler.worlds import (
    PROVENANCE,
    Progress,
    a_plan,
    a_recording,
    a_scenario,
    an_op_plan,
)

SIZES = (1, 8, 22, 43, 64)


@pytest.fixture
def plan() -> Plan:
    op_plan = an_op_plan(first=SIZES, holdout=(5, 30))
    return a_plan(sampling="all", ops=(op_plan,), power=PowerPlan(anchors=4, blocks=2))


def sweep(
    run: Run, plan: Plan, sensors: OpenRecorder, progress: Progress | None = None
) -> list[OpSummary]:
    return worlds.sweep(run, plan, sensors=sensors, progress=progress)


def points(run: Run) -> dict[int, dict[str, Any]]:
    parse_run(run)
    return {row["tokens"]: row for row in read_table(run.table("points"), "points").to_pylist()}


def a_model(run: Run) -> KernelCostModel:
    table = read_table(run.table("points"), "points")
    return KernelCostModel(
        build_model(table, preset="tiny", provenance=PROVENANCE, points_sha256="0")
    )


def power_recordings(run: Run) -> dict[str, Recording]:
    return {one.unit: one for _, one in run.recordings() if one.collector == "power"}


def test_from_loads_to_a_model_that_knows_energy(
    run: Run, plan: Plan, simulated_recorder: SimulatedRecorder
) -> None:
    progress = Progress()
    with simulated_recorder() as sensors:
        timed, loaded = sweep(run, plan, sensors, progress)
    assert (timed.collector, timed.measured) == ("cpu", 14)
    assert (loaded.collector, loaded.measured, loaded.failures) == ("power", 8, [])
    assert progress.of("power") == [(14 + number, 22) for number in range(8)]
    assert progress.ended == 22

    rows = points(run)
    anchors = [size for size, row in rows.items() if row["energy_mj"] is not None]
    assert anchors == [1, 8, 22, 64]
    for size in anchors:
        row = rows[size]
        assert row["power_w"] == pytest.approx(LOAD_W, rel=2e-3)
        assert row["energy_mj"] == pytest.approx(LOAD_W * size / 1000, rel=2e-3)
        assert row["latency_sustained_us"] == pytest.approx(size, rel=2e-3)
        assert row["idle_power_w"] == pytest.approx(IDLE_W, rel=2e-3)
        above = (LOAD_W - IDLE_W) * size / 1000
        assert row["energy_above_idle_mj"] == pytest.approx(above, rel=4e-3)
        assert 0 < row["energy_mj_ci95"] < 0.02 * row["energy_mj"]
        assert (row["energy_source"], row["energy_reason"]) == ("simulated", None)
        assert row["power_peak_w"] == LOAD_W
        assert row["regime"] == "burst"
    assert sorted(row["energy_n"] for row in rows.values() if row["energy_n"]) == [2, 2, 2, 2]
    assert rows[43]["energy_reason"] == NO_ANCHOR
    assert read_table(run.table("power_samples"), "power_samples")[
        "source"
    ].unique().to_pylist() == ["simulated"]

    model = a_model(run)
    (curve,) = model.file.curves
    assert (curve.energy_source, curve.energy_tokens) == ("simulated", tuple(anchors))
    between = model.get_cost("gelu", 43)
    assert between.energy_mj == pytest.approx(LOAD_W * 43 / 1000, rel=0.01)
    assert between.energy_source == "simulated"
    assert between.energy_mj is not None
    assert between.energy_mj_lo is not None
    assert between.energy_mj_hi is not None
    assert between.energy_mj_lo < between.energy_mj < between.energy_mj_hi


def test_what_a_load_takes_longer_than_single_calls_is_in_the_energy_between_anchors(
    run: Run, plan: Plan, simulated_recorder: SimulatedRecorder
) -> None:
    slower = "load['launches'] = [int(count / 1.25) for count in load['launches']]"
    run.script("gelu").write_text(a_script(slower))
    with simulated_recorder() as sensors:
        sweep(run, plan, sensors)
    rows = points(run)
    assert rows[64]["latency_us"] == pytest.approx(64, rel=1e-3)
    assert rows[64]["latency_sustained_us"] == pytest.approx(80, rel=2e-3)
    between = a_model(run).get_cost("gelu", 43)
    assert between.energy_mj == pytest.approx(1.25 * LOAD_W * 43 / 1000, rel=0.01)


def test_a_resumed_power_pass_keeps_its_loads_and_runs_what_is_missing(
    run: Run, plan: Plan, simulated_recorder: SimulatedRecorder
) -> None:
    with simulated_recorder() as sensors:
        sweep(run, plan, sensors)
        units = sorted(power_recordings(run))
        for unit in units[::4]:
            shutil.rmtree(run.unit("power", unit))
        kept = {
            unit: (run.unit("power", unit) / "power.csv").read_bytes()
            for unit in power_recordings(run)
        }
        lost = {unit for unit in units[::4] if "idle" not in unit and "reference" not in unit}
        stray = run.unit("power", min(lost)) / "power.csv"  # the log of a load that was killed
        write_whole(stray, "# half a log")
        _, loaded = sweep(run, plan, sensors)
        assert (loaded.measured, loaded.recalled) == (len(lost), 8 - len(lost))
        assert lost <= set(power_recordings(run))
        for unit, before in kept.items():
            assert (run.unit("power", unit) / "power.csv").read_bytes() == before
        _, again = sweep(run, plan, sensors)
    assert (again.measured, again.recalled) == (0, 8)


def test_what_failed_is_loaded_again_on_resume(
    run: Run, plan: Plan, simulated_recorder: SimulatedRecorder
) -> None:
    with simulated_recorder(processes="77@0.0") as sensors:
        _, loaded = sweep(run, plan, sensors)
    assert (loaded.measured, len(loaded.failures)) == (0, 8)
    assert {row["energy_reason"] for size, row in points(run).items() if size in (1, 64)} == {
        Fault.FOREIGN_PROCESS
    }
    assert {row["energy_mj"] for row in points(run).values()} == {None}
    with simulated_recorder() as sensors:
        _, loaded = sweep(run, plan, sensors)
    assert (loaded.measured, loaded.failures) == (8, [])
    assert points(run)[64]["energy_reason"] is None


def test_one_bad_block_leaves_the_energy_of_the_other_and_a_flag(
    run: Run, plan: Plan, simulated_recorder: SimulatedRecorder
) -> None:
    run.script("gelu").write_text(a_script("if visit == 1: load['duty'] = 0.5"))
    with simulated_recorder() as sensors:
        sweep(run, plan, sensors)
    row = points(run)[64]
    assert row["energy_mj"] == pytest.approx(LOAD_W * 64 / 1000, rel=2e-3)
    assert f"load 1 gave no energy: {NOT_BUSY}" in row["marks"]


def test_inputs_that_were_to_be_cold_and_fit_into_the_cache_are_flagged(
    run: Run, plan: Plan, simulated_recorder: SimulatedRecorder
) -> None:
    run.script("gelu").write_text(
        a_script("load['rotated_bytes'] = 1 << (24 if tokens > 8 else 14)")
    )
    with simulated_recorder() as sensors:
        sweep(run, plan, sensors)
    rows, mark = points(run), "its power is that of hot inputs: 16 KiB fit into the cache"
    assert [size for size, row in rows.items() if mark in row["marks"]] == [1, 8]


def test_sensors_that_refuse_cost_the_energy_and_nothing_else(
    run: Run, plan: Plan, simulated_recorder: SimulatedRecorder
) -> None:
    def refuse(provenance: object, path: Path) -> AbstractContextManager[Any]:
        raise CannotMeasure("NVML is unavailable: the driver is gone")

    timed, loaded = sweep(run, plan, refuse)
    assert (timed.measured, timed.failures) == (14, [])
    assert (loaded.measured, len(loaded.failures)) == (0, 8)
    rows = points(run)
    assert rows[64]["latency_us"] is not None
    assert rows[64]["energy_reason"] == "NVML is unavailable: the driver is gone"

    with simulated_recorder() as sensors:
        assert sweep(run, plan, sensors)[1].measured == 8
        again = sweep(run, plan, sensors)[1]
    assert (again.measured, again.recalled) == (0, 8)
    assert points(run)[64]["energy_reason"] is None


def test_while_time_is_left_each_operation_has_one_more_block(
    run: Run, plan: Plan, simulated_recorder: SimulatedRecorder
) -> None:
    spare = replace(plan, power=PowerPlan(anchors=4, blocks=2, spare_blocks=1))
    progress = Progress()
    with simulated_recorder() as sensors:
        _, loaded = sweep(run, spare, sensors, progress)
    assert (loaded.measured, loaded.failures) == (12, [])
    assert progress.ended == 14 + 12
    write_document(run.plan_path, spare)
    energies = {row["energy_n"] for row in points(run).values() if row["energy_n"]}
    assert energies == {3}


def test_a_spare_block_for_which_the_time_is_too_short_is_not_begun(
    run: Run, plan: Plan, simulated_recorder: SimulatedRecorder
) -> None:
    power = PowerPlan(anchors=4, blocks=2, spare_blocks=1)
    short = replace(plan, power=power, budget_s=0.9 * block_s(4))
    with simulated_recorder() as sensors:
        _, loaded = sweep(run, short, sensors)
    assert (loaded.measured, loaded.unmeasured) == (8, [])


def test_the_spare_block_goes_first_to_what_is_known_least_closely(
    tmp_path: Path, plan: Plan, simulated_recorder: SimulatedRecorder
) -> None:
    scattering = "load['launches'] = [int(n * (1 + 0.1 * visit)) for n in load['launches']]"
    turns: list[PowerJob] = []
    held: list[tuple[Path, Recording]] = []
    for op, what_happens in (("gelu", "pass"), ("scattering", scattering), ("failing", "break")):
        run = Run(tmp_path / op)
        run.script("gelu").parent.mkdir(parents=True)
        run.script("gelu").write_text(a_script(what_happens))
        write_document(run.plan_path, plan)
        with simulated_recorder() as sensors:
            sweep(run, plan, sensors)
        op_plan = replace(plan.ops[0], op=op)
        schedule = Schedule(plan, op_plan, a_scenario)
        job = Job(run, plan, op_plan, schedule, PROVENANCE, lambda repeat: None)
        turns.append(PowerJob(job, sensors, [], asked=2, recalled=10))
        held += [(folder, replace(one, op=op)) for folder, one in run.recordings()]
    assert [turn.op for turn in least_known_first(turns, held)] == ["scattering", "gelu"]


def test_without_a_power_pass_every_point_says_why(
    run: Run, plan: Plan, simulated_recorder: SimulatedRecorder
) -> None:
    reason = "RAPL is unavailable: no package"
    plan = replace(plan, power=None, power_reason=reason)
    write_document(run.plan_path, plan)
    with simulated_recorder() as sensors:
        assert [summary.collector for summary in sweep(run, plan, sensors)] == ["cpu"]
    assert {row["energy_reason"] for row in points(run).values()} == {reason}


def test_a_budget_that_is_spent_names_the_anchors_it_left(
    run: Run, plan: Plan, simulated_recorder: SimulatedRecorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    with simulated_recorder() as sensors:
        sweep(run, replace(plan, power=None), sensors)
        _, loaded = sweep(run, replace(plan, budget_s=1e-9), sensors)
        assert (loaded.measured, loaded.unmeasured) == (0, [1, 8, 22, 64])
        assert points(run)[64]["energy_reason"] == NOT_REACHED
        _, loaded = sweep(run, plan, sensors)
    assert (loaded.measured, loaded.unmeasured) == (8, [])


def test_the_kernels_of_a_size_are_those_of_its_traces(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = table_from_columns(
        "calls",
        {
            "scenario_key": [a_scenario(size).key for size in (1, 1, 8, 8, 22)],
            "signature": ["gemm", "gemm", "gemm", "split", None],
        },
    )
    pieces = ([("calls", calls)], ())
    monkeypatch.setattr(power_pass, "recording_tables", lambda folder, recording: pieces)
    timings = [PointTiming(a_scenario(size).key, 0, 2, (5, 5), 0, 1) for size in (1, 8, 22)]
    traced = replace(a_recording(*timings), collector="nsys")
    assert kernels_of("gelu", [(Path(), traced)]) == {1: "gemm"}
    assert kernels_of("fc1", [(Path(), traced)]) == {}
    assert kernels_of("gelu", [(Path(), a_recording(*timings))]) == {}


def every_load(run: Run) -> list[tuple[str, int]]:
    """Scenario key and repeat of each load of the run, whether it was measured or failed."""
    return sorted(
        (one.scenario_key, one.visit)
        for recording in power_recordings(run).values()
        for one in recording.failures or recording.loads
        if one.scenario_key is not None
    )


def test_killed_within_a_load_nothing_is_lost_and_nothing_is_done_twice(
    run: Run, plan: Plan, fake_library: Path, tmp_path: Path
) -> None:
    """Loads, recorder and simulated NVML in real time; only that a load runs is waited for."""
    write_document(run.plan_path, replace(plan, power=PowerPlan(anchors=2, blocks=2)))
    run.script("gelu").write_text(real_loads.SCRIPT)
    fake.write_trace(tmp_path / "trace.csv", TRACE)
    units = run.unit("power", "any").parent
    with fake.simulated_gpu(fake_library, trace=tmp_path / "trace.csv", update_ms=20):
        command = [sys.executable, "-m", real_loads.__name__, str(run.folder)]
        environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[3] / ".path")}
        with subprocess.Popen(command, env=environment) as killed:
            while len(list(units.glob("*/recording.json"))) < 4 or not any(
                not (unit / "recording.json").exists() for unit in units.iterdir()
            ):
                assert killed.poll() is None
                time.sleep(0.01)
            killed.kill()
        before = power_recordings(run)
        kept = {
            name: (run.unit("power", name) / "recording.json").read_bytes()
            for name, recording in before.items()
            if not recording.failures
        }
        real_loads.sweep_in_real_time(run)
    keys = [a_scenario(size).key for size in (1, 64)]
    assert every_load(run) == sorted((key, number) for key in keys for number in (0, 1))
    for name, content in kept.items():
        assert (run.unit("power", name) / "recording.json").read_bytes() == content
    assert run.held(raw_files=True).left_out == []
    parse_run(run)
