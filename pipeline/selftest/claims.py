"""The claims of a selftest, and what its steps show of each.

A claim that nothing was measured of is a SKIP with the reason, never a PASS. Without a GPU the
claims about one are SKIPs, those about times among them: on a CPU other programs decide these.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ...kernels.checking.cases import TIMES_TORCH
from . import kernel_readings, readings
from .reading import Read, Unmeasured
from .results import Claim, ClaimOutcome, Facts, StepOutcome, StepResult
from .schedule import STEPS

_NO_GPU: Final = "there is no GPU here"
_ON_GPU: Final = "there is a GPU here, and the interpreter is for a CPU"
_NOT_REACHED: Final = "the selftest ended before this step"
_EVERY_STEP: Final = "every step ends by itself"


@dataclass(frozen=True, slots=True)
class Statement:
    """A claim to be judged: its value is read from the facts of `step`, and has a `limit`.

    The claim holds where the value is at most the limit, or at least where `at_least`. It is about
    a GPU, about a CPU, or about any device (`on`).
    """

    claim: str
    step: str
    read: Read
    limit: float
    unit: str = ""
    at_least: bool = False
    on: str = "gpu"


STATEMENTS: Final = (
    Statement("doctor finds no fault", "doctor", readings.machine_faults, 0, on="any"),
    Statement(
        "energy counter refreshes every 100 ms", "doctor", readings.counter_period, 110, "ms"
    ),
    Statement("two power sources agree to 3 %", "doctor", readings.source_difference, 3, "%"),
    Statement("a reading of NVML takes under 3 ms", "doctor", readings.call_duration, 3, "ms"),
    Statement(
        "kernels right against float64",
        "kernels", kernel_readings.kernel_error, TIMES_TORCH, "x torch",
    ),
    Statement("kernels deterministic", "kernels", kernel_readings.kernel_differences, 0, "runs"),
    Statement(
        "kernels right in Triton's interpreter",
        "kernels", kernel_readings.kernel_error, TIMES_TORCH, "x torch", on="cpu",
    ),
    Statement("sweep inside its budget", "sweep", readings.sweep_overrun, 105, "%"),
    Statement("every point of the sweep has a time", "model", readings.lost_points, 0, on="any"),
    Statement("calls have their kernels", "model", readings.lost_kernels, 1, "%"),
    Statement("Kineto and events agree to 2 %", "model", readings.clock_difference, 2, "%"),
    Statement("loads give an energy", "model", readings.lost_loads, 10, "%"),
    Statement("power repeats to 3 %", "model", readings.power_difference, 3, "%"),
    Statement("every operation has a curve", "model", readings.absent_curves, 0, on="any"),
    Statement(
        "held-out times within limits", "verdict", readings.latency_error, 0, "curves"
    ),
    Statement(
        "held-out energies within limits", "verdict", readings.energy_error, 0, "curves"
    ),
    Statement(
        "cold calls read from DRAM", "counters", readings.cold_reads, 80, "%", at_least=True
    ),
    Statement("hot calls read from L2", "counters", readings.hot_reads, 50, "%"),
    Statement("idle power holds still to 5 %", "idle", readings.idle_spread, 5, "%"),
)  # fmt: skip


def judge(
    steps: Sequence[StepResult], facts: Mapping[str, Facts], device: str | None
) -> tuple[Claim, ...]:
    """Judge every claim by what the steps found so far; `device` is None where none has told."""
    by_name = {step.step: step for step in steps}
    return (
        _every_step(steps),
        *(_judged(one, by_name.get(one.step), facts, device) for one in STATEMENTS),
    )


def _every_step(steps: Sequence[StepResult]) -> Claim:
    ran = [one for one in steps if one.outcome is not StepOutcome.SKIPPED]
    if not ran:
        return Claim(_EVERY_STEP, "", ClaimOutcome.SKIP, None, "steps", 0, False, "no step ran")
    failed = [f"{one.step}: {one.reason}" for one in ran if one.outcome is StepOutcome.FAILED]
    outcome = ClaimOutcome.FAIL if failed else ClaimOutcome.PASS
    reason = "; ".join(failed) or f"{len(ran)} of {len(STEPS)} steps ran"
    return Claim(_EVERY_STEP, "", outcome, len(failed), "steps", 0, False, reason)


def _judged(
    statement: Statement, step: StepResult | None, facts: Mapping[str, Facts], device: str | None
) -> Claim:
    elsewhere = _why_not_judged(statement, device)
    if elsewhere is not None:
        return _claim(statement, ClaimOutcome.SKIP, None, elsewhere)
    try:
        value, evidence = statement.read(facts[statement.step])
    except (Unmeasured, KeyError) as lacking:
        return _claim(statement, ClaimOutcome.SKIP, None, _why_none(step, lacking))
    holds = value >= statement.limit if statement.at_least else value <= statement.limit
    return _claim(statement, ClaimOutcome.PASS if holds else ClaimOutcome.FAIL, value, evidence)


def _why_none(step: StepResult | None, lacking: Exception) -> str:
    """Why nothing was measured of a claim."""
    if step is None:
        return _NOT_REACHED
    if step.reason is not None:
        return step.reason
    return str(lacking) if isinstance(lacking, Unmeasured) else f"{step.step} told no {lacking}"


def _why_not_judged(statement: Statement, device: str | None) -> str | None:
    """Why a claim is not about this device; None where it is, or the device is not known."""
    if device is None or statement.on == "any":
        return None
    if statement.on == "gpu":
        return _NO_GPU if device == "cpu" else None
    return None if device == "cpu" else _ON_GPU


def _claim(statement: Statement, outcome: ClaimOutcome, value: float | None, reason: str) -> Claim:
    return Claim(
        statement.claim,
        statement.step,
        outcome,
        value,
        statement.unit,
        statement.limit,
        statement.at_least,
        reason,
    )
