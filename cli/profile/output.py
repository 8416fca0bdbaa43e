"""What `moeprof profile` prints: its plan before it measures, and what became of it."""

from dataclasses import asdict
from typing import TYPE_CHECKING

from .. import render

if TYPE_CHECKING:
    from ...pipeline.profile import ProfileResult, RunEstimate
    from ...store.plan import OpPlan, Plan, PowerPlan

_BUDGET_SPENT = 4
_NOTHING_MEASURED = 3
_NAME_WIDTH = 46  # what 80 columns leave for a curve, which begins with its operation
_LONG_S = 600  # from here on printed in minutes


def show_result(result: "ProfileResult", json: bool) -> int:
    """Show what became of each operation.

    Returns the exit code: 4 where the budget was spent, 3 where nothing was measured, else 0.
    """
    if json:
        render.data({"run": str(result.folder), "ops": [asdict(one) for one in result.ops]})
    else:
        _show_points(result)
    for warning in result.warnings:
        render.warn(warning)
    if result.measured_once:
        render.warn(
            f"{result.measured_once} sizes were measured once: time was up before a repeat could"
            " confirm them"
        )
    if result.budget_spent:
        render.warn("the budget was spent before every planned size was measured")
    if result.measured_once or result.budget_spent:
        render.say(f"go on with: moeprof profile {result.folder} --resume")
    if result.budget_spent:
        return _BUDGET_SPENT
    if not result.has_points:
        render.error("nothing was measured", hint="the reasons stand above; `moeprof doctor` helps")
        return _NOTHING_MEASURED
    return 0


def show_estimate(estimate: "RunEstimate", json: bool) -> None:
    """Show what a plan is going to measure, and how long that will take."""
    plan = estimate.plan
    if json:
        parts = {
            "estimate_without_budget_s": round(estimate.whole_s, 1),
            "estimate_power_s": round(estimate.power_s, 1),
            "estimate_step_s": estimate.thermal_step_s,
            "surroundings": asdict(estimate.surroundings) if estimate.surroundings else None,
        }
        render.data({"plan": asdict(plan), "estimate_s": round(estimate.total_s, 1), **parts})
        return
    _show_plan(plan)
    if plan.power is not None:
        render.say(
            f"power: up to {plan.power.anchors} sizes of each operation{_of_all(plan.power)},"
            f" {plan.power.blocks} times: {_duration(estimate.power_s)} of the estimate"
        )
    if plan.thermal_step:
        render.say(f"thermal step: {estimate.thermal_step_s:.0f} s of the estimate")
    if estimate.whole_s > estimate.total_s:
        render.say(
            f"left out: all sizes would take {_duration(estimate.whole_s)}; the budget leaves out"
            " those that tell least"
        )
    total = _duration(estimate.total_s)
    render.say(f"estimate: {total} on {plan.device}; nothing was measured")


def _of_all(power: "PowerPlan") -> str:
    """How many sizes a longer budget would have loaded, where this one has fewer."""
    from ...pipeline.profile import ANCHORS

    return f" (of {ANCHORS}, with a longer --budget)" if power.anchors < ANCHORS else ""


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < _LONG_S else f"{seconds / 60:.0f} min"


def _show_points(result: "ProfileResult") -> None:
    render.table(
        "Points",
        ["op", "collector", "#measured", "#before", "#failed", "#sizes left", "#seen once"],
        [
            [
                one.op,
                one.collector,
                *map(str, (one.measured, one.recalled)),
                *map(str, (len(one.failures), len(one.unmeasured), len(one.measured_once))),
            ]
            for one in result.ops
        ],
    )


def _show_plan(plan: "Plan") -> None:
    render.table(
        f"Plan: {plan.sampling} sampling, up to {plan.points_per_op} sizes per operation",
        ["curve", "#from", "#to", "#first", "#held out"],
        [
            [
                render.name_lines(op.curve, _NAME_WIDTH),
                *map(str, (op.domain[0], op.domain[-1], len(op.first))),
                _held_out(op),
            ]
            for op in plan.ops
        ],
    )


def _held_out(op: "OpPlan") -> str:
    """How many sizes are held out, and how many with those that wait for spare time."""
    planned, spare = len(op.holdout), len(op.spare_holdout)
    return f"{planned} to {planned + spare}" if spare else str(planned)
