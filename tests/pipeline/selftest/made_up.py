"""Facts as the steps tell them of a GPU on which everything holds, and steps as they ended."""

from copy import deepcopy
from typing import Any

from moeprof.pipeline.selftest.results import Facts, StepOutcome, StepResult
from moeprof.pipeline.selftest.schedule import STEPS

_ROW = {"times_torch": 1.1, "wrong_integers": 0, "runs": 300, "different": 0}


def _check(name: str, **values: float) -> dict[str, Any]:
    return {"check": name, "status": "ok", "evidence": f"evidence of {name}", "values": values}


def _reads(read_bytes: float) -> dict[str, Any]:
    return {"bytes_moved": 30e6, "launches": [{"dram_read_bytes": read_bytes}]}


_CURVE = {"op": "fc1", "outcome": "PASS", "reason": "within the limits"}
_GPU: dict[str, Facts] = {
    "doctor": {
        "device": "cuda:0",
        "device_name": "NVIDIA H200",
        "ended": True,
        "checks": [
            _check("update periods", counter_period_ms=100.1),
            _check("instant power", counter_over_instant_ratio=0.99),
            _check("NVML call", counter_call_us=45.0),
        ],
    },
    "kernels": {
        "planned": 2,
        "cases": [{"case": "topk 8x2 b=1"} | _ROW, {"case": "topk 8x2 b=64"} | _ROW],
    },
    "sweep": {"budget_s": 100.0, "took_s": 98.0},
    "model": {
        "points": 90,
        "flagged_points": 4,
        "failed_points": [],
        "calls": 1000,
        "calls_without_kernel": 1,
        "two_clocks": [{"trace_us": 100.0, "events_us": 101.0}, {"trace_us": 3, "events_us": 6}],
        "loads": 60,
        "failed_loads": [],
        "power_repeat_differences": [0.01, 0.02],
        "curves": [{"op": "fc1"}],
        "planned": [{"op": "fc1", "sizes": 90, "unreached": 0}],
        "unmeasured": {},
    },
    "verdict": {
        "curves": [_CURVE | {"metric": "latency"}, _CURVE | {"metric": "energy"}],
        "unmeasured": {},
    },
    "counters": {"cold": _reads(29e6), "hot": _reads(1e6)},
    "idle": {"power_w": 76.0, "power_spread": 0.01, "sm_clock_mhz": [1980.0, 345.0]},
}


def gpu_facts() -> dict[str, Facts]:
    """A copy of the facts of such a GPU, by step, to be changed."""
    return deepcopy(_GPU)


def ended_steps(**reasons: str) -> list[StepResult]:
    """All steps: done, or failed for a reason."""
    return [
        StepResult(
            step.name,
            StepOutcome.FAILED if step.name in reasons else StepOutcome.DONE,
            60.0,
            1.0,
            reasons.get(step.name),
        )
        for step in STEPS
    ]
