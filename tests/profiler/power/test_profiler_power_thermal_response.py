"""The thermal response: what a sweep records last, and what becomes of it in the model."""

import math
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from moeprof.costmodel.build import build_model
from moeprof.costmodel.model import KernelCostModel
from moeprof.costmodel.thermal.response import with_response
from moeprof.energy.faults import Fault
from moeprof.energy.readings import Unusable
from moeprof.energy.thermal_samples import NO_TEMPERATURE
from moeprof.pipeline.parse import parse_run, tables_are_current
from moeprof.profiler.power.sensors import OpenRecorder, RecordedRows
from moeprof.profiler.schedule.op_summary import OpSummary
from moeprof.store.cost_model import Pole
from moeprof.store.errors import CannotMeasure
from moeprof.store.plan import Plan, PowerPlan
from moeprof.store.provenance import Provenance, Surroundings
from moeprof.store.recording import sha256_of
from moeprof.store.run import Run
from moeprof.store.tables.parquet import read_table
from moeprof.tests.fakenvml import fake
from moeprof.tests.profiler import worlds
from moeprof.tests.profiler.power.virtual_power import (
    IDLE_W,
    LOAD_W,
    SimulatedRecorder,
    a_script,
    virtual_recorder,
)
from moeprof.tests.profiler.worlds import (
    PROVENANCE,
    Beside,
    Progress,
    a_plan,
    a_scenario,
    an_op_plan,
)

POLES = (Pole(3.0, 0.03), Pole(40.0, 0.05))
INLET_C = 25.0


def a_response(
    poles: tuple[Pole, ...] = POLES, leakage_w_per_c: float = 0.0
) -> list[fake.TraceRow]:
    """A minute idle, two at full power, two idle: a row each 100 ms.

    Under load, each degree above the inlet adds the leakage.
    """
    rises = [pole.r_c_per_w * IDLE_W for pole in poles]
    rows: list[fake.TraceRow] = []
    for tenth in range(3001):
        leaking_w = leakage_w_per_c * sum(rises)
        power_w = LOAD_W + leaking_w if 600 <= tenth < 1800 else IDLE_W
        rows.append((tenth / 10, power_w * 1e3, INLET_C + sum(rises), 1755, 0))
        rows.append((tenth / 10 + 0.0999, power_w * 1e3, INLET_C + sum(rises), 1755, 0))
        for number, pole in enumerate(poles):
            kept = math.exp(-0.1 / pole.tau_s)
            rises[number] = kept * rises[number] + (1 - kept) * pole.r_c_per_w * power_w
    return rows


@pytest.fixture
def plan() -> Plan:
    op_plan = an_op_plan(first=(1, 8, 64), holdout=())
    return a_plan(sampling="all", ops=(op_plan,), thermal_step=True)


@contextmanager
def response_sensors(
    simulate: fake.Simulate, rows: Sequence[fake.TraceRow] = (), /, **settings: object
) -> Iterator[OpenRecorder]:
    """Record a response of 300 s at once."""
    with simulate(rows or a_response(), **settings) as clock:
        yield virtual_recorder(clock, seconds=300)


def sweep(
    run: Run, plan: Plan, sensors: OpenRecorder, progress: Progress | None = None
) -> list[OpSummary]:
    return worlds.sweep(run, plan, sensors=sensors, progress=progress)


def test_each_load_of_a_response_keeps_what_went_on_beside_it(
    run: Run, plan: Plan, simulate: fake.Simulate
) -> None:
    with response_sensors(simulate) as sensors:
        summary = response_of(worlds.sweep(run, plan, sensors=sensors, watch=Beside()))
    (recording,) = [one for _, one in run.recordings() if one.collector == "thermal"]
    assert {load.surroundings for load in recording.loads} == {Surroundings(gpu_processes=1)}
    assert summary.disturbed == len(recording.loads)
    (warning,) = summary.warnings
    assert warning.startswith(f"the machine was not quiet during {summary.disturbed} of ")
    assert warning.endswith("loads of the thermal step: 1 other process on the GPU")


def response_of(summaries: list[OpSummary]) -> OpSummary:
    (one,) = [summary for summary in summaries if summary.collector == "thermal"]
    return one


def a_model(run: Run) -> KernelCostModel:
    parse_run(run)
    points = read_table(run.table("points"), "points")
    file = build_model(points, preset="tiny", provenance=PROVENANCE, points_sha256="0")
    samples = read_table(run.table("thermal_samples"), "thermal_samples")
    return KernelCostModel.from_file(with_response(file, samples, points))


def test_from_a_response_to_a_model_that_knows_heat(
    run: Run, plan: Plan, simulate: fake.Simulate, simulated_recorder: SimulatedRecorder
) -> None:
    powered = replace(plan, power=PowerPlan(anchors=3, blocks=1), thermal_step=False)
    with simulated_recorder() as sensors:
        sweep(run, powered, sensors)
    with response_sensors(simulate) as sensors:
        summary = response_of(sweep(run, plan, sensors))
    assert (summary.op, summary.measured, summary.failures) == ("gelu", 1, [])

    model = a_model(run)
    thermal = model.file.thermal
    assert thermal is not None
    assert thermal.step is not None
    assert model.file.thermal_reason is None
    assert thermal.n > 2500
    for found, true in zip(thermal.step.poles, POLES, strict=True):
        assert found.tau_s == pytest.approx(true.tau_s, rel=0.06)
        assert found.r_c_per_w == pytest.approx(true.r_c_per_w, rel=0.06)
    assert not thermal.step.slow_is_bound
    rise_c = model.get_cost("gelu", 64).temp_rise_c
    assert rise_c == pytest.approx(0.08 * (LOAD_W - IDLE_W), rel=0.03)
    steady_c = INLET_C + 0.08 * LOAD_W
    asked: dict[str, Any] = {"current_temp_c": 33.0}
    safe = model.get_thermal_safe_batch_size
    assert safe("gelu", max_temp_c=steady_c + 2, **asked) == 64
    assert safe("gelu", max_temp_c=steady_c - 2, **asked) is None
    assert safe("gelu", max_temp_c=steady_c - 2, for_s=5.0, **asked) == 64


# The load of the script is then that of the trace.
LOADED = (
    "begin_ns = 60 * 10**9; load.update(marks_ns=[60 * 10**9, 180 * 10**9], launches=[0, 10**6])"
)


@pytest.mark.parametrize("leakage_w_per_c", [0.5, -0.5])
def test_leakage_is_found_in_the_load_and_acts_from_the_temperature_of_the_loads(
    run: Run,
    plan: Plan,
    simulate: fake.Simulate,
    simulated_recorder: SimulatedRecorder,
    leakage_w_per_c: float,
) -> None:
    powered = replace(plan, power=PowerPlan(anchors=3, blocks=1), thermal_step=False)
    with simulated_recorder() as sensors:
        sweep(run, powered, sensors)
    run.script("gelu").write_text(a_script(LOADED))
    with response_sensors(simulate, a_response(leakage_w_per_c=leakage_w_per_c)) as sensors:
        assert response_of(sweep(run, plan, sensors)).failures == []
    model = a_model(run)
    thermal = model.file.thermal
    assert thermal is not None
    assert thermal.leakage_w_per_c == pytest.approx(leakage_w_per_c, rel=0.15)
    assert thermal.reference_temp_c == 50  # the mean over all loads of the power pass
    plain, warm = model.get_cost("gelu", 8), model.get_cost("gelu", 8, current_temp_c=70.0)
    assert plain.power_w is not None
    assert warm.power_w == pytest.approx(plain.power_w + 20 * leakage_w_per_c, abs=2)
    assert warm.estimated


LEAKING = a_response(leakage_w_per_c=0.5)


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        (a_response(), "holds 0"),
        ([(t, p, c, 1755, 4) for t, p, c, _, _ in LEAKING], "held no load"),
        (
            [(t, p, c, 1755, 32) for t, p, c, _, _ in a_response(leakage_w_per_c=0.5)],
            "held no load",
        ),
        (
            [(t, p, c, 1800 - t, 0) for t, p, c, _, _ in a_response(leakage_w_per_c=0.5)],
            "held no load",
        ),
    ],
    ids=["no leakage", "power limit", "heat", "clock"],
)
def test_a_response_without_leakage_stores_none(
    run: Run,
    plan: Plan,
    simulate: fake.Simulate,
    simulated_recorder: SimulatedRecorder,
    rows: list[fake.TraceRow],
    reason: str,
) -> None:
    powered = replace(plan, power=PowerPlan(anchors=3, blocks=1), thermal_step=False)
    with simulated_recorder() as sensors:
        sweep(run, powered, sensors)
    run.script("gelu").write_text(a_script(LOADED))
    with response_sensors(simulate, rows) as sensors:
        sweep(run, plan, sensors)
    model = a_model(run)
    thermal = model.file.thermal
    assert thermal is not None
    assert (thermal.leakage_w_per_c, thermal.reference_temp_c) == (None, None)
    assert reason in (thermal.leakage_reason or "")
    assert model.get_cost("gelu", 8, current_temp_c=70.0) == model.get_cost("gelu", 8)


def test_progress_shows_the_response_second_by_second_after_all_else(
    run: Run, plan: Plan, simulate: fake.Simulate
) -> None:
    progress = Progress()
    with response_sensors(simulate) as sensors:
        sweep(run, plan, sensors, progress)
    timed = progress.of("cpu")
    assert [done for done, _ in timed] == list(range(6))
    seconds = progress.of("thermal")
    assert sorted({*seconds}) == seconds[::2] == [(done, 306) for done in range(6, 306)]
    assert progress.ended == 306


def test_a_finished_response_is_kept_and_an_unfinished_one_is_recorded_anew(
    run: Run, plan: Plan, simulate: fake.Simulate
) -> None:
    log = run.unit("thermal", "step") / "power.csv"
    log.parent.mkdir(parents=True)
    log.write_text("# half a log")
    progress = Progress()
    with response_sensors(simulate) as sensors:
        assert response_of(sweep(run, plan, sensors)).measured == 1
        before = log.read_bytes()
        again = response_of(sweep(run, replace(plan, budget_s=60.0), sensors, progress))
    assert (again.measured, again.recalled) == (0, 1)
    assert log.read_bytes() == before
    assert progress.ended == 6  # a response that is held already is not counted


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"errors": "nvmlDeviceGetTemperatureV=3"}, NO_TEMPERATURE),
        ({"errors": "nvmlDeviceGetTotalEnergyConsumption=15@200"}, Fault.GPU_LOST),
        ({"reset_s": 100}, Fault.COUNTER_RESET),
        ({"freeze_s": 100}, Unusable.STUCK),
    ],
)
def test_a_bad_response_costs_the_heat_and_nothing_else_and_is_recorded_again(
    run: Run, plan: Plan, simulate: fake.Simulate, settings: dict[str, object], reason: str
) -> None:
    with response_sensors(simulate, **settings) as sensors:
        timed, summary = sweep(run, plan, sensors)
    assert (timed.measured, timed.failures) == (6, [])
    assert [failure.reason for failure in summary.failures] == [reason]
    model = a_model(run)
    assert (model.file.thermal, model.get_cost("gelu", 8).temp_rise_c) == (None, None)
    assert model.file.thermal_reason == f"the thermal step failed: {reason}"
    points = read_table(run.table("points"), "points")
    assert points["marks"].to_pylist() == [[], [], []]
    assert tables_are_current(run)
    with response_sensors(simulate) as sensors:
        assert response_of(sweep(run, plan, sensors)).failures == []
    assert not tables_are_current(run)
    assert a_model(run).file.thermal is not None


def test_the_response_has_its_time_of_a_budget_that_leaves_loads(
    run: Run, plan: Plan, simulate: fake.Simulate
) -> None:
    powered = replace(plan, power=PowerPlan(anchors=3, blocks=1), budget_s=300.0 + 1e-9)
    with response_sensors(simulate) as sensors:
        sweep(run, replace(plan, thermal_step=False), sensors)
        _, loaded, summary = sweep(run, powered, sensors)
    assert (loaded.measured, loaded.unmeasured) == (0, [1, 8, 64])
    assert (summary.collector, summary.measured) == ("thermal", 1)


def test_heat_does_not_mind_throttling_and_other_processes(
    run: Run, plan: Plan, simulate: fake.Simulate
) -> None:
    slowed = [(t, p, c, 1755 - t, 0x40) for t, p, c, _, _ in a_response()]
    with response_sensors(simulate, slowed, processes="77@10") as sensors:
        assert response_of(sweep(run, plan, sensors)).failures == []


def test_power_readings_stand_in_for_a_counter(
    run: Run, plan: Plan, simulate: fake.Simulate
) -> None:
    with response_sensors(simulate, errors="nvmlDeviceGetTotalEnergyConsumption=3") as sensors:
        assert response_of(sweep(run, plan, sensors)).failures == []
    thermal = a_model(run).file.thermal
    assert thermal is not None
    assert thermal.r_c_per_w == pytest.approx(0.08, rel=0.05)


def test_a_rise_of_a_few_degrees_gives_a_reason_and_no_model(
    run: Run, plan: Plan, simulate: fake.Simulate
) -> None:
    with response_sensors(simulate, a_response((Pole(5.0, 0.008),))) as sensors:
        assert response_of(sweep(run, plan, sensors)).failures == []
    reason = a_model(run).file.thermal_reason
    assert reason is not None
    assert "the temperature moved by 3 degC, and a fit needs 5" in reason


@pytest.mark.parametrize(
    ("what_happens", "reason"),
    [
        ("sys.exit(3)", "the process ended with exit code 3"),
        ("answer({'error': 'out of memory'}); continue", "out of memory"),
    ],
)
def test_a_load_that_fails_ends_the_response(
    run: Run, plan: Plan, simulate: fake.Simulate, what_happens: str, reason: str
) -> None:
    run.script("gelu").write_text(a_script(what_happens))
    with response_sensors(simulate) as sensors:
        (failure,) = response_of(sweep(run, plan, sensors)).failures
    assert reason in failure.reason


def test_without_sensors_there_is_a_reason_and_no_recording_of_five_minutes(
    run: Run, plan: Plan
) -> None:
    def refuse(provenance: Provenance, path: Path) -> AbstractContextManager[RecordedRows]:
        raise CannotMeasure("NVML is unavailable: the driver is gone")

    timed, summary = sweep(run, plan, refuse)
    assert timed.measured == 6
    assert [one.reason for one in summary.failures] == ["NVML is unavailable: the driver is gone"]


def test_the_load_is_the_one_that_took_most_power(
    run: Run, plan: Plan, simulate: fake.Simulate, simulated_recorder: SimulatedRecorder
) -> None:
    """At 480 W all loads are alike but for one, whose log is made that of a hotter GPU."""
    powered = replace(plan, power=PowerPlan(anchors=3, blocks=1), thermal_step=False)
    with simulated_recorder() as sensors:
        sweep(run, powered, sensors)
    hot = run.unit("power", f"{a_scenario(8).key}@0")
    (recording,) = [one for folder, one in run.recordings() if folder == hot]
    with simulate([(0, 600e3, 50, 1755, 0), (10, 600e3, 50, 1755, 0)]) as clock:
        with virtual_recorder(clock)(PROVENANCE, hot / "power.csv"):
            pass
    digest = sha256_of(hot / "power.csv")
    run.keep(replace(recording, files={"power.csv": digest}))
    with response_sensors(simulate) as sensors:
        sweep(run, plan, sensors)
    (response,) = [one for _, one in run.recordings() if one.collector == "thermal"]
    assert {load.scenario_key for load in response.loads} == {a_scenario(8).key}


def test_where_no_power_was_measured_it_is_the_largest_product(
    run: Run, plan: Plan, simulate: fake.Simulate
) -> None:
    with response_sensors(simulate) as sensors:
        sweep(run, plan, sensors)
    (response,) = [one for _, one in run.recordings() if one.collector == "thermal"]
    assert {load.scenario_key for load in response.loads} == {a_scenario(64).key}
    assert len(response.loads) > 1  # a load ends by itself, and is asked for again
