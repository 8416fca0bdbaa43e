"""`moeprof cost`: one look-up, with its interval."""

import re
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..store.errors import BadInput
from . import render
from .cost_output import layer_data, show_breakdown, show_cost, show_layer
from .options import DEFAULT_STORE, Json, Store, find_model

if TYPE_CHECKING:
    from ..costmodel.model import Conditions, CostBreakdown, KernelCostModel, LayerCost

_LAYER = "layer"
_SHAPE = re.compile(r"\d+(x\d+)*", re.ASCII)


def cost(
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="[MODEL] OP",
            help="Model file or its run (the latest if left out), then what to look up.",
        ),
    ],
    batch_size: Annotated[int, typer.Option(help="Tokens in the call.")],
    shape: Annotated[
        str | None,
        typer.Option(
            metavar="SIZES",
            help="Sizes of the operation as its curve's name has them, such as 4096x14336;"
            " a shape near measured ones is told from those.",
        ),
    ] = None,
    active_experts: Annotated[
        int | None, typer.Option(help="Experts that get any token, of a layer or of `experts`.")
    ] = None,
    top_k: Annotated[
        int | None, typer.Option(help="Experts that each token is sent to, of a layer.")
    ] = None,
    memory_pressure: Annotated[
        float | None,
        typer.Option(help="Share of the memory bandwidth that others take, from 0 to below 1."),
    ] = None,
    breakdown: Annotated[
        bool, typer.Option("--breakdown", help="Take the cost apart: memory, compute, launch.")
    ] = False,
    allow_estimates: Annotated[
        bool,
        typer.Option(
            "--allow-estimates",
            help="Estimate an energy that no meter told, from the GPU's power limit.",
        ),
    ] = False,
    store: Store = DEFAULT_STORE,
    json: Json = False,
) -> None:
    r"""Look up what one call costs.

    OP is an operation or a curve, as `moeprof show` lists them, or `layer`: topk on all tokens,
    then fc1, gelu and fc2 on those of each active expert, one after the other. A layer needs
    --top-k and --active-experts; where the model has an operation called layer, that is meant.

    \b
    moeprof cost fc1 --batch-size 37
    moeprof cost layer --batch-size 64 --top-k 2 --active-experts 6
    """
    from ..costmodel.model import KernelCostModel

    if len(words) > 2:
        raise BadInput(
            f"{words[2]!r} is one word too many",
            hint=f"moeprof cost {words[0]} {words[1]} --batch-size {batch_size}",
        )
    *named, op = words
    path = find_model(Path(named[0]) if named else None, store)
    model = KernelCostModel.load(path)
    conditions: Conditions = {
        "shape": None if shape is None else _shape(shape),
        "active_experts": active_experts,
        "memory_pressure": memory_pressure,
        "allow_estimates": allow_estimates,
    }
    data, show = _look_up(model, op, batch_size, top_k, breakdown, conditions)
    if json:
        render.data({"model": str(path), **data})
    else:
        render.say(f"model: {path}")
        show(path)


def _look_up(
    model: "KernelCostModel",
    op: str,
    batch_size: int,
    top_k: int | None,
    breakdown: bool,
    conditions: "Conditions",
) -> tuple[dict[str, Any], Callable[[Path], None]]:
    """Give what is asked for, for a program, and a function that shows it to a person."""
    if op == _LAYER and not _names(model, op):
        layer = _layer(model, batch_size, top_k, breakdown, conditions)
        return layer_data(layer), partial(show_layer, layer)
    if top_k is not None:
        raise BadInput(f"--top-k is for a layer, and {op} is one operation")
    if breakdown:
        parts = _breakdown(model, op, batch_size, conditions)
        return asdict(parts), partial(show_breakdown, parts)
    found = model.get_cost(op, batch_size, **conditions)
    shape = "x".join(map(str, conditions["shape"] or ()))
    return asdict(found), partial(show_cost, found, f"{op} {shape}".rstrip())


def _layer(
    model: "KernelCostModel",
    batch_size: int,
    top_k: int | None,
    breakdown: bool,
    conditions: "Conditions",
) -> "LayerCost":
    active_experts = conditions["active_experts"]
    if top_k is None or active_experts is None:
        raise BadInput(
            "a layer needs --top-k and --active-experts",
            hint="count the experts that get any token: at small batches they are fewer than all",
        )
    if breakdown or conditions["shape"] or conditions["memory_pressure"] is not None:
        raise BadInput(
            "a layer is the sum of its kernels as they were measured",
            hint="leave out --breakdown, --shape and --memory-pressure, or name one operation",
        )
    return model.get_layer_cost(
        batch_size,
        top_k=top_k,
        active_experts=active_experts,
        allow_estimates=conditions["allow_estimates"],
    )


def _breakdown(
    model: "KernelCostModel", op: str, batch_size: int, conditions: "Conditions"
) -> "CostBreakdown":
    if op in _surfaces(model):
        ops = ", ".join(sorted({curve.op for curve in model.curves}))
        raise BadInput(
            f"what {op} is made of is not known: the model holds its cost alone, by batch size and"
            " active experts",
            hint="ask for that cost, without --breakdown and with --active-experts N; what can be"
            f" taken apart: {ops or 'nothing in this model'}",
        )
    if any(conditions[name] for name in ("active_experts", "memory_pressure", "allow_estimates")):
        raise BadInput(
            "--breakdown takes a cost apart as it was measured",
            hint="leave out --active-experts, --memory-pressure and --allow-estimates",
        )
    return model.get_cost_breakdown(op, batch_size, shape=conditions["shape"])


def _shape(words: str) -> tuple[int, ...]:
    """Read "512x1024" as (512, 1024). Raises BadInput for anything else."""
    if not _SHAPE.fullmatch(words):
        raise BadInput(f"{words!r} is no shape", hint="write its sizes with x: 4096x14336")
    return tuple(map(int, words.split("x")))


def _surfaces(model: "KernelCostModel") -> set[str]:
    """Names of what was measured over active experts."""
    return {name for one in model.file.surfaces for name in (one.op, one.surface)}


def _names(model: "KernelCostModel", op: str) -> bool:
    """Whether the model has an operation of this name."""
    return op in _surfaces(model) or op in {curve.op for curve in model.curves}
