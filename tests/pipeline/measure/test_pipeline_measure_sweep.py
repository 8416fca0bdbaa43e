"""The sweep of a run folder: the locked clock, and what is said of failures."""

from dataclasses import replace

import pytest

from moeprof.device.nvml import Sensors, nvml
from moeprof.energy.faults import Fault
from moeprof.pipeline.measure.sweep import failures_of, locked_clock
from moeprof.profiler.schedule.op_summary import OpSummary
from moeprof.store.provenance import Gpu
from moeprof.store.recording import CollectorName, Failure
from moeprof.tests.fakenvml import fake
from moeprof.tests.profiler.power.virtual_power import TRACE
from moeprof.tests.profiler.worlds import PROVENANCE, a_plan

FAILURES = [Failure(f"fc1-b{size}", 0, Fault.GPU_LOST) for size in (1, 2, 4)]


def test_the_clock_is_locked_in_the_block_and_let_go_after_it(simulate: fake.Simulate) -> None:
    gpu = Gpu(0, "GPU", fake.UUID, None, None, None, None, None, None, None)
    plan, on_gpu = a_plan(sm_clock_mhz=1500), replace(PROVENANCE, device="cuda:0", gpu=gpu)
    notices: list[str] = []

    def clock_mhz() -> int | None:
        with nvml() as library:
            return Sensors(library, fake.UUID).sm_clock()[0].value

    with simulate(TRACE, root=1):
        with locked_clock(plan, on_gpu, notices.append):
            assert clock_mhz() == 1500
        assert clock_mhz() == 1755
        assert len(notices) == 2
        with pytest.raises(KeyboardInterrupt), locked_clock(plan, on_gpu, notices.append):
            raise KeyboardInterrupt
        assert clock_mhz() == 1755


def test_without_a_clock_in_the_plan_nothing_is_locked() -> None:
    notices: list[str] = []
    with locked_clock(a_plan(), PROVENANCE, notices.append):
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
