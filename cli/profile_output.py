"""What `moeprof profile` tells: its plan before it measures, and what became of it."""

from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from ..store.run import Run
from . import render

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..profiler.sweep import OpSummary
    from ..scenarios.duration import CallTimes
    from ..store.plan import Plan

_BUDGET_SPENT = 4
_NOTHING_MEASURED = 3
_LONG_S = 600  # told in minutes


def tell(run: Run, summaries: "Sequence[OpSummary]", json: bool) -> None:
    """Tell what became of each operation; ends the program where nothing or too little was done."""
    if json:
        render.data({"run": str(run.folder), "ops": [asdict(one) for one in summaries]})
    else:
        render.table(
            "Points",
            ["op", "collector", "#measured", "#before", "#failed", "#left"],
            [
                [
                    one.op,
                    one.collector,
                    *map(str, (one.measured, one.recalled)),
                    *map(str, (len(one.failures), len(one.unmeasured))),
                ]
                for one in summaries
            ],
        )
    for one in summaries:
        tell_failures(one)
        for warning in dict.fromkeys(one.warnings):
            render.warn(f"{one.op}: {warning}")
    if any(one.unmeasured for one in summaries):
        render.warn("the budget was spent before every planned size was measured")
        render.say(f"go on with: moeprof profile {run.folder} --resume")
        raise typer.Exit(_BUDGET_SPENT)
    if not any(one.measured or one.recalled for one in summaries):
        render.error("nothing was measured", hint="the reasons stand above; `moeprof doctor` helps")
        raise typer.Exit(_NOTHING_MEASURED)


def tell_failures(summary: "OpSummary") -> None:
    """Warn of each point that failed; of loads, which fail by the dozen, by their reason."""
    if summary.collector == "thermal":
        for failure in summary.failures:
            render.warn(f"no heat: the thermal step failed: {failure.reason}")
        return
    if summary.collector != "power":
        for failure in summary.failures:
            render.warn(f"{failure.scenario_key}: {failure.reason}")
        return
    reasons = Counter(failure.reason for failure in summary.failures)
    for reason, count in reasons.most_common():
        render.warn(f"{summary.op}: no energy from {count} loads: {reason}")


def show_plan(plan: "Plan", pace: "CallTimes", json: bool) -> None:
    """Show what a plan is going to measure, and how long that will take."""
    from ..scenarios.plan import estimate_power_s, estimate_s, response_s

    seconds, power_s = estimate_s(plan, pace), estimate_power_s(plan)
    if json:
        parts = {"estimate_power_s": round(power_s, 1), "estimate_step_s": response_s(plan)}
        render.data({"plan": asdict(plan), "estimate_s": round(seconds, 1), **parts})
        return
    render.table(
        f"Plan: {plan.sampling} sampling, {plan.points_per_op} sizes per operation to the fit",
        ["op", "curve", "#from", "#to", "#first", "#held out"],
        [
            [
                op.op,
                op.curve,
                *map(str, (op.domain[0], op.domain[-1], len(op.first), len(op.holdout))),
            ]
            for op in plan.ops
        ],
    )
    if plan.power is not None:
        render.say(
            f"power: up to {plan.power.anchors} sizes of each operation,"
            f" {plan.power.blocks} times: {power_s:.0f} s of the estimate"
        )
    if plan.thermal_step:
        render.say(f"thermal step: {response_s(plan):.0f} s of the estimate")
    whole = f"{seconds:.0f} s" if seconds < _LONG_S else f"{seconds / 60:.0f} min"
    render.say(f"estimate: {whole} on {plan.device}; nothing was measured")
