"""The plan that `moeprof profile --resume` goes on with, and the options that contradict it."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import typer

from ..store.document import write_document
from ..store.errors import BadInput
from ..store.run import Run
from .options import duration_s

if TYPE_CHECKING:
    from ..store.plan import Plan


def check_same_plan(context: typer.Context, plan: "Plan") -> None:
    """Raise BadInput for an option that was given and says other than the run's plan."""
    from ..device.identity import choose_device
    from ..scenarios.catalogue import find_ops
    from ..scenarios.grid import parse_batch_sizes
    from ..scenarios.preset import read_preset

    names = [op_plan.op for op_plan in plan.ops]
    readings: dict[str, tuple[Callable[[Any], object], object]] = {
        "ops": (lambda words: [one.operation.name for one in find_ops(words)], names),
        "batch_sizes": (parse_batch_sizes, _batch_sizes(plan)),
        "preset": (str, plan.preset),
        "scenario": (lambda path: read_preset(path).name, plan.preset),
        "device": (choose_device, plan.device),
        "collector": (lambda words: tuple(words.split(",")), plan.collectors),
        "points": (int, plan.points_per_op),
        "point_timeout": (duration_s, plan.point_timeout_s),
        "no_power": (bool, plan.power is None),
        "lock_clocks": (int, plan.sm_clock_mhz),
    }
    for name in ("sampling", "isolation", "l2", "threads", "seed"):
        readings[name] = (lambda value: value, getattr(plan, name))
    for name, (read, planned) in readings.items():
        source = context.get_parameter_source(name)
        given = context.params[name]
        if source is None or source.name != "COMMANDLINE" or given == "auto":
            continue
        if read(given) != planned:
            option = f"--{name.replace('_', '-')}"
            raise BadInput(
                f"{option} is {str(given)!r}, and the run was planned otherwise",
                hint=f"leave {option} out to go on with it, or begin another without --resume",
            )


def resumed_plan(run: Run, budget_s: float | None, thermal_step: bool) -> "Plan":
    """Give the plan of a run, with a budget of its own; a thermal step may be added to it.

    Raises BadInput where the budget has no room for the step.
    """
    from ..profiler.power.thermal_response import finished_response
    from ..scenarios.plan import check_response_fits

    plan = run.plan()
    wanted = plan.thermal_step or thermal_step
    check_response_fits(wanted and finished_response(run.recordings()) is None, budget_s)
    if thermal_step and not plan.thermal_step:
        plan = replace(plan, thermal_step=True)
        write_document(run.plan_path, plan)
    return replace(plan, budget_s=budget_s)


def _batch_sizes(plan: "Plan") -> tuple[int, ...]:
    """All sizes: an operation with many active experts leaves out the smallest."""
    return tuple(sorted({size for op_plan in plan.ops for size in op_plan.domain}))
