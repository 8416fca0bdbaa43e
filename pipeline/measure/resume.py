"""The plan that an interrupted run goes on with, and the options that contradict it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from typing import Final

from ...device.identity import choose_device
from ...doctor.engines import absent_engines
from ...profiler.power.thermal_response import finished_response
from ...scenarios.catalogue import LoadedOp, find_ops, takes_engines
from ...scenarios.grid import parse_batch_sizes
from ...scenarios.plan import check_response_fits
from ...scenarios.preset import Preset, read_preset
from ...scenarios.run_options import RunOptions, option_of
from ...scenarios.shapes.chosen import chosen_layers, same_sizes
from ...scenarios.shapes.operations import operations_at
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
_OF_LAYERS: Final = {
    *("preset", "preset_file", "hidden", "weight_bits", "tensor_parallel", "expert_parallel"),
    *("weight_format", "routing"),
}


def check_same_plan(
    options: RunOptions, given: Mapping[str, str], plan: Plan, layers: Sequence[Preset]
) -> None:
    """Raise BadInput for an option that was given and contradicts the plan of the run.

    `given` maps the field of each given option to the text that the user wrote. `layers` are those
    of the run: the options name them all, or none. Layers are the same by their sizes.
    """
    for field, text in given.items():
        if field in _CHANGEABLE or text == "auto":
            continue
        if field in _OF_LAYERS:
            same = _same_layers(options, layers)
        else:
            same = _chosen(options, field, plan, layers) == _planned(plan, field)
        if not same:
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


def layers_of(run: Run, plan: Plan) -> list[Preset]:
    """Read the layers that a run measures, the first of them first.

    Raises BadInput where a file of theirs is missing or no preset.
    """
    files = dict.fromkeys(op_plan.preset for op_plan in plan.ops if op_plan.preset is not None)
    return [read_preset(run.preset_path), *(read_preset(run.folder / name) for name in files)]


def ops_of(run: Run, plan: Plan) -> list[LoadedOp]:
    """Load the operations of a plan, a user's own from the copy in the run folder.

    Raises BadInput where there is no such operation.
    """
    with naming(run.plan_path):
        return [_op_of(run, op_plan) for op_plan in plan.ops]


def _op_of(run: Run, op_plan: OpPlan) -> LoadedOp:
    path, name = op_file(run, op_plan), op_plan.operation or op_plan.op
    loaded = find_ops(name) if path is None else load_ops_of_file(path)
    named = [one for one in loaded if one.operation.name == name]
    if not named:
        raise BadInput(
            f"{path or 'the catalogue'} has no operation {name} any more",
            hint="restore what `moeprof profile` wrote, or profile anew",
        )
    layer = None if op_plan.preset is None else read_preset(run.folder / op_plan.preset)
    alias = None if op_plan.operation is None else op_plan.op
    return replace(named[0], preset=layer, alias=alias)


def _chosen(options: RunOptions, field: str, plan: Plan, layers: Sequence[Preset]) -> object:
    """Give the value that an option stands for."""

    def ops() -> list[str]:
        absent = absent_engines(plan.device, imported=takes_engines(options.ops))
        return _names(
            operations_at(layers, lambda layer: load_ops(options.ops, layer, absent), plan.l2)
        )

    readings: dict[str, Callable[[], object]] = {
        "ops": ops,
        "batch_sizes": lambda: parse_batch_sizes(options.batch_sizes),
        "device": lambda: choose_device(options.device),
        "collectors": lambda: tuple(options.collectors.split(",")),
    }
    return readings[field]() if field in readings else getattr(options, field)


def _planned(plan: Plan, field: str) -> object:
    """Give the plan's value of an option; batch sizes are those of all operations together."""
    if field == "ops":
        return list(dict.fromkeys(op_plan.operation or op_plan.op for op_plan in plan.ops))
    if field == "batch_sizes":
        return tuple(sorted({size for op_plan in plan.ops for size in op_plan.domain}))
    if field == "power":
        return plan.power is not None
    return getattr(plan, field)


def _names(ops: Sequence[LoadedOp]) -> list[str]:
    """The names of operations, each once, however many layers they are measured at."""
    return list(dict.fromkeys(loaded.operation.name for loaded in ops))


def _same_layers(options: RunOptions, layers: Sequence[Preset]) -> bool:
    chosen = chosen_layers(options, layers[0].name)
    return len(chosen) == len(layers) and all(map(same_sizes, chosen, layers))
