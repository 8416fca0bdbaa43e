"""Jobs whose isolated script is a stand-in that starts at once."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from moeprof.profiler import power_block
from moeprof.profiler.agenda import Agenda
from moeprof.profiler.serving import Job
from moeprof.store.run import Run
from moeprof.tests.fakenvml import fake
from moeprof.tests.profiler import virtual_power
from moeprof.tests.profiler.virtual_power import SimulatedMeter
from moeprof.tests.profiler.worlds import PROVENANCE, a_plan, a_scenario, an_op_plan

# Serves as an isolated script does; what happens at a size is put in before the answer.
SCRIPT = """
import json, os, sys, time
print(json.dumps({"ready": True, "pid": os.getpid()}), flush=True)
for line in sys.stdin:
    tokens, visit = map(int, line.split())
    WHAT_HAPPENS
    print(json.dumps({
        "scenario_key": f"gelu-b{tokens}-64-fp32-cold", "visit": visit, "calls": 2,
        "calls_ns": [tokens * 1000, tokens * 1001], "started_utc_ns": 1, "ended_utc_ns": 2,
    }), flush=True)
"""


@pytest.fixture
def make_job(tmp_path: Path) -> Callable[..., Job]:
    def make(what_happens: str = "pass", **changes: Any) -> Job:
        plan = a_plan(**{"sampling": "all", "point_timeout_s": 5.0} | changes)
        op_plan = an_op_plan(first=(1, 2, 3, 4), holdout=())
        run = Run(tmp_path)
        run.script("gelu").parent.mkdir(exist_ok=True)
        run.script("gelu").write_text(SCRIPT.replace("WHAT_HAPPENS", what_happens))
        agenda = Agenda(plan, op_plan, a_scenario)
        return Job(run, plan, op_plan, agenda, PROVENANCE, lambda visit: None)

    return make


@pytest.fixture
def simulated_meter(simulate: fake.Simulate, monkeypatch: pytest.MonkeyPatch) -> SimulatedMeter:
    """Give sensors of a simulated GPU, for loads that take no time."""
    monkeypatch.setattr(power_block, "LOAD_S", 0.05)
    return virtual_power.simulated_meter(simulate)


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Put the stand-in of a tool on PATH, by the tool's name."""

    def install(tool: str) -> Path:
        folder = tmp_path / "bin"
        folder.mkdir(exist_ok=True)
        program = folder / tool
        code = Path(__file__).with_name(f"fake_{tool}.py")
        program.write_text(f'#!/bin/sh\nexec {sys.executable} {code} "$@"\n')
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
        return program

    return install
