"""Jobs whose isolated script is a stand-in that starts at once."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from moeprof.profiler.job import Job
from moeprof.profiler.schedule.schedule import Schedule
from moeprof.store.run import Run
from moeprof.tests.fake_clock import FakeClock
from moeprof.tests.fakenvml import fake
from moeprof.tests.profiler.answering import READY
from moeprof.tests.profiler.power import virtual_power
from moeprof.tests.profiler.power.virtual_power import SimulatedRecorder
from moeprof.tests.profiler.worlds import PROVENANCE, a_plan, a_scenario, an_op_plan

# Serves as an isolated script does; what happens at a size is put in before the answer.
SCRIPT = (
    READY
    + """
for line in sys.stdin:
    tokens, visit = map(int, line.split()[:2])
    more = {}
    WHAT_HAPPENS
    answer({
        "scenario_key": f"gelu-b{tokens}-64-fp32-cold", "visit": visit, "calls": 2,
        "calls_ns": [tokens * 1000, tokens * 1001], 
        "started_utc_ns": time.time_ns(), "ended_utc_ns": time.time_ns(), **more,
    })
"""
)


@pytest.fixture
def make_job(tmp_path: Path) -> Callable[..., Job]:
    def make(
        what_happens: str = "pass", first: tuple[int, ...] = (1, 2, 3, 4), **changes: Any
    ) -> Job:
        plan = a_plan(**{"sampling": "all", "point_timeout_s": 120.0} | changes)
        op_plan = an_op_plan(first=first, holdout=())
        run = Run(tmp_path)
        run.script("gelu").parent.mkdir(exist_ok=True)
        run.script("gelu").write_text(SCRIPT.replace("WHAT_HAPPENS", what_happens))
        clock = FakeClock()
        schedule = Schedule(plan, op_plan, a_scenario, clock=clock)
        return Job(run, plan, op_plan, schedule, PROVENANCE, lambda repeat: None, clock)

    return make


@pytest.fixture
def simulated_recorder(simulate: fake.Simulate) -> SimulatedRecorder:
    """Give sensors of a simulated GPU, for loads that take no time."""
    return virtual_power.simulated_recorder(simulate)
