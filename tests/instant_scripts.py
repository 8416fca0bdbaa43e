"""Stand-ins of isolated scripts that answer at once and load no torch.

Most tests of commands ask what becomes of a sweep, not how long a kernel takes.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from moeprof.scenarios import run_files
from moeprof.scenarios.operation import Operation
from moeprof.scenarios.preset import Preset
from moeprof.scenarios.script import PROTOCOL, render_script
from moeprof.store.plan import OpPlan, Plan
from moeprof.tests.profiler.answering import ANSWER

# A call takes 10 us, and 0.1 us more for each token; calls of a visit differ by nanoseconds.
_SCRIPT = '''"""Stands in for the isolated script of NAME."""

import argparse
ANSWER
PROTOCOL = VERSION

def timed(tokens, visit, *limit):
    call_ns = 10_000 + 100 * int(tokens)
    begin_ns = time.time_ns()
    return {
        "scenario_key": f"KEY", "visit": int(visit), "calls": 20,
        "calls_ns": [call_ns + place for place in range(20)],
        "started_utc_ns": begin_ns, "ended_utc_ns": time.time_ns(),
    }


if __name__ == "__main__":
    answer({"ready": True})
    for line in sys.stdin:
        words = line.split()
        if words[0].isdecimal():
            answer(timed(*words))
        elif words[0] != "stop":
            answer({"error": "RuntimeError: a stand-in runs no loads"})
    answer({"ended": True})
'''


@contextmanager
def instant_scripts() -> Iterator[None]:
    """Let the scripts of moeprof's own operations be stand-ins; those in files are real."""

    def instant_or_real(
        operation: Operation, preset: Preset, plan: Plan, op_plan: OpPlan, cache_bytes: int | None
    ) -> str:
        if not operation.run.__module__.startswith("moeprof."):
            return render_script(operation, preset, plan, op_plan, cache_bytes)
        key = operation.scenario(preset, 1, plan.dtype, plan.l2).key
        return (
            _SCRIPT.replace("NAME", operation.name)
            .replace("KEY", key.replace("-b1-", "-b{tokens}-", 1))
            .replace("ANSWER", ANSWER)
            .replace("VERSION", str(PROTOCOL))
        )

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run_files, "render_script", instant_or_real)
        yield
