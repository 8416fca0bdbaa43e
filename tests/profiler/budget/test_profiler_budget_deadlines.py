"""Ten minutes: a full sweep of all operations on a simulated GPU, by plan and by enforcement."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Self

import pytest

from moeprof.profiler import worker
from moeprof.profiler.budget.budget import Budget
from moeprof.profiler.collectors.collector import Probe
from moeprof.profiler.job import Job
from moeprof.profiler.power import power_pass
from moeprof.profiler.record import Tool, Unit, record
from moeprof.profiler.schedule.op_summary import OpSummary
from moeprof.profiler.sweep import Sweep
from moeprof.profiler.worker import sessions
from moeprof.scenarios.catalogue import find_ops
from moeprof.scenarios.duration import START_S, CallTimes, call_times_of, trace_s
from moeprof.scenarios.plan import GPU_BUDGET_S, RUN_S, USUAL_LOAD_S, block_s, estimate_s
from moeprof.scenarios.preset import load_preset
from moeprof.scenarios.rates import Rates
from moeprof.scenarios.script import (
    MIN_CALLS,
    POINT_S,
    WARMUP_CALLS,
    WARMUP_S,
    most_calls,
    most_warmup_calls,
)
from moeprof.store.document import write_document
from moeprof.store.plan import Plan
from moeprof.store.provenance import Gpu
from moeprof.store.recording import CollectorName, PointTiming, Recording
from moeprof.store.run import Run
from moeprof.tests.builders import make_provenance, plan_run
from moeprof.tests.fake_clock import FakeClock
from moeprof.tests.profiler.worlds import Progress

MIXTRAL = load_preset("mixtral-8x7b")
H200 = Rates(990e12, 4.8e12)
GPU = Gpu(0, "NVIDIA H200", "GPU-1", None, None, None, None, None, None, None)
OPS = find_ops("all")
CALL_TIMES: CallTimes = call_times_of(MIXTRAL, OPS, "cold", H200)


@dataclass(slots=True)
class Machine:
    """A GPU and its host on a clock that only their work moves.

    Starts, calls and loads take `slower` times what is planned, traces `trace_slower` times. The
    host takes `launch_s` to launch the kernels of a call, and a call waits `wait_s`.
    """

    clock: FakeClock
    slower: float = 1.0
    trace_slower: float = 1.0
    launch_s: float = 30e-6
    wait_s: float = 0.0


class SimulatedScript:
    """Stands for a process of an isolated script: it answers at once, and moves the clock."""

    processes: ClassVar[tuple[int, ...]] = ()

    def __init__(
        self,
        machine: Machine,
        command: Sequence[str],
        answer_s: float,
        kept_fds: Sequence[int],
        log: Path,
        budget: Budget,
    ) -> None:
        self._machine, self._op, self._budget = machine, Path(command[2]).stem, budget

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None: ...

    def start(self) -> None:
        self._machine.clock.advance(self._machine.slower * START_S)

    def time(self, tokens: int, repeat: int, key: str) -> PointTiming:
        """Make the calls of a visit, and those around them, as far as the budget allows."""
        machine, most = self._machine, most_calls("cuda:0")
        call_s = machine.slower * (CALL_TIMES[self._op](tokens) + machine.launch_s)
        call_s += machine.wait_s
        wanted = max(MIN_CALLS, min(most, int(POINT_S / call_s)))
        warmup = max(WARMUP_CALLS, min(most_warmup_calls("cuda:0"), int(WARMUP_S / call_s)))
        allowed = int(min(self._budget.left_s / call_s, warmup + wanted))
        calls = max(1, min(wanted, allowed - 1))
        began_ns = machine.clock.epoch_ns()
        machine.clock.advance(0.05 + max(2, allowed) * call_s)
        time_ns = round(call_s * 1e9)
        return PointTiming(
            key, repeat, calls, (time_ns,) * calls, began_ns, machine.clock.epoch_ns(),
            device_ns=(time_ns,) * 10, launch_ns=round(machine.launch_s * 1e9),
            cut_short=calls < wanted,
        )  # fmt: skip

    def finish(self) -> int:
        return 0

    def kill(self) -> None: ...


@dataclass(frozen=True, slots=True)
class SimulatedKineto:
    """Its traces take the time that is estimated, times a factor, when a process has ended."""

    machine: Machine
    name: ClassVar[str] = CollectorName.KINETO

    def probe(self, device: str) -> Probe:
        return Probe(True, "simulated")

    def collect(self, job: Job) -> Iterator[Recording]:
        for session in sessions(job, lambda _: job.script("--serve"), self.name):
            timings = [one for one in session.run() if isinstance(one, PointTiming)]
            written_s = sum(trace_s(self.name, one) for one in timings)
            self.machine.clock.advance(self.machine.trace_slower * written_s)
            unit = Unit(CollectorName.CPU, f"{job.op_plan.op}.{session.started_utc_ns}")
            yield record(session, session.outcomes, unit, Tool("simulated", "1"))


@dataclass(slots=True)
class SimulatedBlock:
    """A block whose loads take the usual time, and leave nothing."""

    machine: Machine
    job: Job
    open_recorder: Any
    number: int
    waiting: Any
    deadline_s: float

    def collect(self) -> Iterator[Recording]:
        budget = Budget(self.deadline_s, self.machine.clock)
        if self.waiting and budget.has(block_s(1)):
            self.machine.clock.advance(self.machine.slower * block_s(0))
            while self.waiting and budget.has(2 * USUAL_LOAD_S):
                self.waiting.popleft()
                self.machine.clock.advance(self.machine.slower * USUAL_LOAD_S)
        yield from ()


def a_plan(**options: Any) -> Plan:
    """The plan of `moeprof profile` on an H200, without any option."""
    resolved = {"device": "cuda:0", "collectors": ("kineto",), "power_reason": None}
    return plan_run("all", tuple(range(1, 513)), MIXTRAL, **(resolved | options))


def swept(
    machine: Machine, folder: Path, patch: pytest.MonkeyPatch, **options: Any
) -> tuple[float, list[OpSummary]]:
    """Length of a whole sweep on a machine, in s, and what became of its operations."""
    patch.setattr(worker, "ScriptClient", partial(SimulatedScript, machine))
    patch.setattr(power_pass, "Block", partial(SimulatedBlock, machine))
    run, plan = Run(folder), a_plan(**options)
    write_document(run.plan_path, plan)
    scenarios = {one.operation.name: partial(_scenario, one.operation.scenario) for one in OPS}
    provenance = make_provenance("cuda:0", gpu=GPU)
    collectors = {"kineto": SimulatedKineto(machine)}
    sweep = Sweep(run, plan, provenance, scenarios, collectors, Progress(), clock=machine.clock)
    began_ns = machine.clock.epoch_ns()
    summaries = sweep.measure()
    return (machine.clock.epoch_ns() - began_ns) / 1e9, summaries


def _scenario(scenario: Any, tokens: int) -> Any:
    return scenario(MIXTRAL, tokens, MIXTRAL.dtype, "cold")


def test_a_default_sweep_of_a_gpu_is_planned_for_ten_minutes() -> None:
    plan = a_plan()
    assert plan.budget_s == GPU_BUDGET_S
    certain = tuple(replace(op, spare_holdout=()) for op in plan.ops)
    unlimited = replace(plan, budget_s=None, ops=certain)
    assert 300 < estimate_s(unlimited, CALL_TIMES) <= RUN_S
    assert plan.power is not None
    assert plan.power.anchors == 22


def test_a_sweep_that_needs_more_than_ten_minutes_gets_no_budget_of_its_own() -> None:
    assert a_plan(sampling="all").budget_s is None
    assert a_plan(budget_s=7200.0).budget_s == 7200
    assert plan_run("all", tuple(range(1, 513)), MIXTRAL).budget_s is None  # a CPU


def timed(summaries: Sequence[OpSummary]) -> list[OpSummary]:
    return [one for one in summaries if one.collector == CollectorName.KINETO]


@pytest.mark.parametrize(
    "changes", [{}, {"slower": 3.0}, {"trace_slower": 5.0}, {"launch_s": 1e-3}]
)
def test_on_a_slow_machine_a_whole_sweep_ends_in_ten_minutes(
    changes: dict[str, float], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    took_s, summaries = swept(Machine(FakeClock(), **changes), tmp_path, monkeypatch)
    assert took_s <= RUN_S
    assert all(one.measured >= 24 + 16 for one in timed(summaries))
    assert not any(one.unmeasured for one in timed(summaries))


@pytest.mark.parametrize(
    "changes",
    [{"slower": 2.0, "trace_slower": 3.0, "launch_s": 1e-3}, {"wait_s": 1.0}, {"wait_s": 30.0}],
)
def test_what_a_far_slower_machine_leaves_is_named_and_the_rest_is_kept(
    changes: dict[str, float], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    took_s, summaries = swept(Machine(FakeClock(), **changes), tmp_path, monkeypatch)
    assert took_s <= RUN_S
    assert any(one.unmeasured for one in timed(summaries))
    assert timed(summaries)[0].measured
    run = Run(tmp_path)
    kept = sum(len(recording.served) for _, recording in run.recordings())
    assert kept == sum(one.measured for one in timed(summaries))


def test_a_budget_ends_a_visit_and_the_power_pass(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = Machine(FakeClock(), wait_s=3.0)
    took_s, _ = swept(machine, tmp_path, monkeypatch, budget_s=100.0)
    assert took_s <= 100 + 2 * machine.wait_s
    served = [one for _, each in Run(tmp_path).recordings() for one in each.served]
    assert any(one.cut_short for one in served)
