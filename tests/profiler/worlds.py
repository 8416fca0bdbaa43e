"""Small plans, scenarios and machines for the tests of the profiler."""

from collections.abc import Callable, Collection
from typing import Any

from moeprof.profiler.collectors.cpu import CpuCollector
from moeprof.profiler.power.sensors import OpenRecorder, open_recorder
from moeprof.profiler.schedule.op_summary import OpSummary
from moeprof.profiler.sweep import Sweep
from moeprof.profiler.watch import NO_WATCH, Watch
from moeprof.store.plan import OpPlan, Plan
from moeprof.store.provenance import Provenance, Surroundings
from moeprof.store.recording import PointTiming, Recording
from moeprof.store.run import Run
from moeprof.store.scenario import Scenario
from moeprof.tests.builders import (
    make_op_plan,
    make_plan,
    make_provenance,
    make_recording,
    make_scenario,
)
from moeprof.tests.fake_clock import FakeClock

SIZES = range(1, 65)
PROVENANCE = make_provenance(cache_bytes=1 << 20)


class Beside:
    """A watch that always sees one other process."""

    def begin(self, processes: Collection[int] = ()) -> Callable[[], Surroundings]:
        assert processes
        return lambda: Surroundings(gpu_processes=1)


class Progress:
    """Progress that keeps each call: what `point` was given, and the end."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, int, int]] = []
        self.warnings: list[str] = []
        self.ended = self.ended_of = -1

    def warning(self, text: str) -> None:
        self.warnings.append(text)

    def point(self, collector: str, op: str, tokens: int, done: int, total: int) -> None:
        self.calls.append((collector, done, total))

    def end(self, done: int, total: int) -> None:
        self.ended, self.ended_of = done, total

    def of(self, collector: str) -> list[tuple[int, int]]:
        """Done and total at each point of one collector."""
        return [(done, total) for name, done, total in self.calls if name == collector]


def sweep(
    run: Run,
    plan: Plan,
    provenance: Provenance = PROVENANCE,
    *,
    sensors: OpenRecorder = open_recorder,
    progress: Progress | None = None,
    watch: Watch = NO_WATCH,
) -> list[OpSummary]:
    """Sweep one operation under the `cpu` collector; its clock stands still but for sleeps."""
    return Sweep(
        run,
        plan,
        provenance,
        {"gelu": a_scenario},
        {"cpu": CpuCollector()},
        progress or Progress(),
        sensors,
        FakeClock(),
        watch=watch,
    ).measure()


def a_scenario(tokens: int) -> Scenario:
    flops, bytes_moved = 8 * 64 * tokens, 2 * 4 * 64 * tokens
    return make_scenario(tokens, shape=(64,), flops=flops, bytes_moved=bytes_moved)


def an_op_plan(**changes: Any) -> OpPlan:
    sizes = {"domain": tuple(SIZES), "first": (1, 22, 43, 64), "holdout": (5, 30)}
    ours = {"curve": a_scenario(1).curve}
    return make_op_plan(**(ours | sizes | changes))


def a_plan(**changes: Any) -> Plan:
    """Plan of `an_op_plan`, with adaptive sampling of 8 points."""
    chosen = {"sampling": "adaptive", "points_per_op": 8, "point_timeout_s": 120.0}
    return make_plan(**({"ops": (an_op_plan(),)} | chosen | changes))


def a_recording(*timings: PointTiming) -> Recording:
    sizes = {a_scenario(size).key: size for size in SIZES}
    scenarios = tuple(a_scenario(sizes[one.scenario_key]) for one in timings)
    return make_recording(timings, (), (), scenarios=scenarios, provenance=PROVENANCE)
