"""The plan that an interrupted run goes on with, and the options that contradict it."""

from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Final

from ...device.identity import choose_device
from ...profiler.power.thermal_response import finished_response
from ...scenarios.catalogue import LoadedOp, find_ops
from ...scenarios.expert_loads import distribution_words
from ...scenarios.grid import parse_batch_sizes
from ...scenarios.plan import check_response_fits
from ...scenarios.preset import Preset, read_preset
from ...scenarios.run_options import RunOptions, option_of
from ...scenarios.trust import op_file
from ...store.document import write_document
from ...store.errors import BadInput, naming
from ...store.plan import OpPlan, Plan
from ...store.run import Run
from .op_files import load_ops, load_ops_of_file

_CHANGEABLE: Final = {
    "budget_s",
    "thermal_step",
    "wait_s",
    "force",
}  # options that need not be those of the plan


def check_same_plan(
    options: RunOptions, given: Mapping[str, str], plan: Plan, preset: Preset
) -> None:
    """Raise BadInput for an option that was given and contradicts the plan or preset of the run.

    `given` maps the field of each given option to the text that the user wrote.
    """
    for field, text in given.items():
        if field in _CHANGEABLE or text == "auto":
            continue
        if _chosen(options, field, preset) != _planned(plan, field, preset):
            option = option_of(field)
            raise BadInput(
                f"{option} is {text!r}, and the run was planned otherwise",
                hint=f"leave {option} out to go on with it, or begin another without --resume",
            )


def changed_options(options: RunOptions) -> dict[str, str]:
    """Map each field that is not at its default to its value as text."""
    defaults = RunOptions()
    names = [field.name for field in fields(RunOptions)]
    values = {name: getattr(options, name) for name in names}
    return {name: str(value) for name, value in values.items() if value != getattr(defaults, name)}


def resumed_plan(run: Run, options: RunOptions) -> Plan:
    """Give the plan of a run with the budget of `options`; a thermal step may be added to it.

    An added step is written to `plan.json`. Raises BadInput where the budget has no room for it.
    """
    plan = run.plan()
    stepped = plan.thermal_step or options.thermal_step
    check_response_fits(stepped and finished_response(run.recordings()) is None, options.budget_s)
    if options.thermal_step and not plan.thermal_step:
        plan = replace(plan, thermal_step=True)
        write_document(run.plan_path, plan)
    return replace(plan, budget_s=options.budget_s)


def ops_of(run: Run, plan: Plan) -> list[LoadedOp]:
    """Load the operations of a plan, a user's own from the copy in the run folder.

    Raises BadInput where there is no such operation.
    """
    with naming(run.plan_path):
        return [_op_of(run, op_plan) for op_plan in plan.ops]


def _op_of(run: Run, op_plan: OpPlan) -> LoadedOp:
    path = op_file(run, op_plan)
    loaded = find_ops(op_plan.op) if path is None else load_ops_of_file(path)
    named = [one for one in loaded if one.operation.name == op_plan.op]
    if not named:
        raise BadInput(
            f"{path or 'the catalogue'} has no operation {op_plan.op} any more",
            hint="restore what `moeprof profile` wrote, or profile anew",
        )
    return named[0]


def _chosen(options: RunOptions, field: str, preset: Preset) -> object:
    """Give the value that an option stands for."""
    readings: dict[str, Callable[[], object]] = {
        "ops": lambda: [loaded.operation.name for loaded in load_ops(options.ops, preset)],
        "batch_sizes": lambda: parse_batch_sizes(options.batch_sizes),
        "preset_file": lambda: options.preset_file and read_preset(Path(options.preset_file)).name,
        "routing": lambda: options.routing and distribution_words(options.routing),
        "device": lambda: choose_device(options.device),
        "collectors": lambda: tuple(options.collectors.split(",")),
    }
    return readings[field]() if field in readings else getattr(options, field)


def _planned(plan: Plan, field: str, preset: Preset) -> object:
    """Give the plan's value of an option; batch sizes are those of all operations together."""
    if field == "ops":
        return [op_plan.op for op_plan in plan.ops]
    if field == "batch_sizes":
        return tuple(sorted({size for op_plan in plan.ops for size in op_plan.domain}))
    if field == "power":
        return plan.power is not None
    if field == "routing":
        return preset.routing
    return getattr(plan, "preset" if field == "preset_file" else field)
