"""The sweep of a run folder: the settings of its GPU, and what is said of failures."""

from dataclasses import replace
from pathlib import Path

from moeprof.energy.faults import Fault
from moeprof.pipeline.measure.sweep import as_planned, failures_of
from moeprof.profiler.schedule.op_summary import OpSummary
from moeprof.store.provenance import Gpu
from moeprof.store.recording import CollectorName, Failure
from moeprof.tests.fakenvml import fake
from moeprof.tests.profiler.power.virtual_power import TRACE
from moeprof.tests.profiler.settings.gpu_state import set_to
from moeprof.tests.profiler.worlds import PROVENANCE, a_plan

FAILURES = [Failure(f"fc1-b{size}", 0, Fault.GPU_LOST) for size in (1, 2, 4)]


def test_the_settings_of_the_plan_are_held_in_the_block_and_put_back_after_it(
    simulate: fake.Simulate, tmp_path: Path
) -> None:
    gpu = Gpu(0, "GPU", fake.UUID, None, None, None, None, None, None, None)
    plan = a_plan(sm_clock_mhz=1500, power_limit_w=400)
    on_gpu = replace(PROVENANCE, device="cuda:0", gpu=gpu)
    notices: list[str] = []

    with simulate(TRACE, root=tmp_path / "set"):
        with as_planned(plan, on_gpu, notices.append):
            assert set_to() == (1500, 400_000)
        assert set_to() == (1755, 700_000)
    assert notices == [
        "for this sweep: power limit 400 W, SM clock 1500 MHz",
        "the GPU's settings are put back",
    ]


def test_without_settings_in_the_plan_nothing_is_changed() -> None:
    notices: list[str] = []
    with as_planned(a_plan(), PROVENANCE, notices.append):
        assert notices == []
    assert notices == []


def test_each_failed_point_is_named() -> None:
    assert failures_of(OpSummary("fc1", CollectorName.CPU, failures=FAILURES)) == [
        f"{failure.scenario_key}: {failure.reason}" for failure in FAILURES
    ]


def test_failed_loads_are_counted_by_their_reason() -> None:
    (sentence,) = failures_of(OpSummary("fc1", CollectorName.POWER, failures=FAILURES))
    assert "3 loads" in sentence
    assert FAILURES[0].reason in sentence


def test_a_failed_thermal_step_says_that_there_is_no_heat() -> None:
    summary = OpSummary("fc1", CollectorName.THERMAL, failures=FAILURES[:1])
    (sentence,) = failures_of(summary)
    assert sentence.startswith("no heat: ")
    assert sentence.endswith(FAILURES[0].reason)
