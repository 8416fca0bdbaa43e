"""A power pass in real time: loads that wait to be stopped, under a recorder and a simulated NVML.

python real_loads.py RUN     sweeps RUN, whose isolated script is `SCRIPT`
"""

import sys
from dataclasses import replace
from pathlib import Path

from moeprof.profiler.collectors.cpu import CpuCollector
from moeprof.profiler.power.sensors import kept_recorder
from moeprof.profiler.sweep import Sweep
from moeprof.store.provenance import Gpu
from moeprof.store.run import Run
from moeprof.tests.fakenvml import fake
from moeprof.tests.profiler.answering import READY
from moeprof.tests.profiler.worlds import PROVENANCE, Progress, a_scenario

_UNKNOWN = (None,) * 6
ON_GPU = replace(
    PROVENANCE, device="cuda:0", gpu=Gpu(0, "H200 (simulated)", fake.UUID, *_UNKNOWN, l2_bytes=None)
)

SCRIPT = f"""
{READY}for line in iter(sys.stdin.readline, ""):
    kind, *numbers = line.split()
    if kind not in ("load", "reference", "idle"):
        now_ns = time.time_ns()
        answer({{
            "scenario_key": f"gelu-b{{kind}}-64-fp32-cold", "visit": int(numbers[0]), "calls": 6,
            "calls_ns": [int(kind) * 1000 + n for n in range(6)],
            "started_utc_ns": now_ns, "ended_utc_ns": time.time_ns(),
        }})
        continue
    begin_ns = time.monotonic_ns()
    answer({{"begin_ns": begin_ns}})
    sys.stdin.readline()
    marks_ns = list(range(begin_ns, time.monotonic_ns(), 20_000_000))
    answer({{
        "kind": "operation" if kind == "load" else kind,
        "scenario_key": f"gelu-b{{numbers[0]}}-64-fp32-cold" if kind == "load" else None,
        "visit": int(numbers[-1]),
        "marks_ns": marks_ns,
        "launches": [(mark - begin_ns) // 9000 * (kind != "idle") for mark in marks_ns],
        "duty": None if kind == "idle" else 1.0,
        "replay_s": None if kind == "idle" else 0.003,
        "rotated_bytes": 1 << 30,
    }})
"""


def sweep_in_real_time(run: Run) -> None:
    with kept_recorder() as record:
        scenarios, collectors = {"gelu": a_scenario}, {"cpu": CpuCollector()}
        Sweep(run, run.plan(), ON_GPU, scenarios, collectors, Progress(), record).measure()


if __name__ == "__main__":
    sweep_in_real_time(Run(Path(sys.argv[1])))
