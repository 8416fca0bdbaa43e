"""`moeprof cost`: one look-up, with its interval."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..store.errors import BadInput
from . import render
from .options import DEFAULT_STORE, Json, Store, find_model

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..costmodel.breakdown import CostBreakdown
    from ..costmodel.cost import Cost


def cost(
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="[MODEL] OP", help="Model file or its run (the latest if left out), operation."
        ),
    ],
    batch_size: Annotated[int, typer.Option(help="Tokens in the call.")],
    active_experts: Annotated[
        int | None, typer.Option(help="Experts that get any token, of a routed operation.")
    ] = None,
    memory_pressure: Annotated[
        float | None, typer.Option(help="Share of the memory bandwidth that others take, 0..1.")
    ] = None,
    breakdown: Annotated[
        bool, typer.Option("--breakdown", help="Take the cost apart: memory, compute, launch.")
    ] = False,
    store: Store = DEFAULT_STORE,
    json: Json = False,
) -> None:
    """Look up what one call costs.

    OP is an operation, or a curve's whole name.
    """
    from ..costmodel.model import KernelCostModel

    if len(words) > 2:
        raise BadInput(f"{words[2]!r} is one word too many", hint="moeprof cost MODEL fc1")
    *named, op = words
    path = find_model(Path(named[0]) if named else None, store)
    model = KernelCostModel.load(path)
    if breakdown:
        if active_experts is not None or memory_pressure is not None:
            raise BadInput(
                "--breakdown takes a cost apart as it was measured",
                hint="leave out --active-experts and --memory-pressure",
            )
        _show_breakdown(model.get_cost_breakdown(op, batch_size), json)
        return
    found = model.get_cost(
        op, batch_size, active_experts=active_experts, memory_pressure=memory_pressure
    )
    if json:
        render.data({"model": str(path), **asdict(found)})
        return
    render.say(f"model: {path}")
    _show(found, f"{op} at batch size {batch_size}")
    for sentence in _verdicts(path.parent, found.op):
        render.say(sentence)


def _show(found: "Cost", asked: str) -> None:
    intervals = (
        ("latency", found.latency_us, found.latency_us_lo, found.latency_us_hi, "us"),
        ("energy", found.energy_mj, found.energy_mj_lo, found.energy_mj_hi, "mJ"),
        ("temperature rise", found.temp_rise_c, None, None, "K"),
    )
    render.table(
        f"{asked} ({_kind(found)}, {found.source} time)",
        ["quantity", "#value", "#95 % from", "#to", "unit"],
        [[name, *map(render.number, values), unit] for name, *values, unit in intervals],
    )
    reason = f": {found.energy_reason}" if found.energy_mj is None else ""
    render.say(f"energy: {found.energy_source}{reason}")
    if found.doubtful:
        render.warn("a point that this stands on is in doubt: `moeprof report` says why")


def _verdicts(run: Path, op: str) -> "Iterator[str]":
    """What the validations beside a model say of the latency of an operation."""
    from ..store.document import read_document
    from ..store.verdict import Validation

    for path in sorted(run.glob("validation*.json")):
        verdict = read_document(path, Validation)
        for curve in verdict.curves:
            if curve.op == op and curve.metric == "latency":
                error = "" if curve.median is None else f", median error {curve.median:.1%}"
                against = Path(verdict.against).name
                yield f"validated: {curve.outcome} against {against}{error}"


def _kind(found: "Cost") -> str:
    """Say what a cost stands on."""
    kinds = {
        "estimated": found.estimated,
        "transferred": found.transferred,
        "extrapolated": found.extrapolated,
        "measured": found.measured,
    }
    return next((kind for kind, holds in kinds.items() if holds), "interpolated")


def _show_breakdown(parts: "CostBreakdown", json: bool) -> None:
    if json:
        render.data(asdict(parts))
        return
    cost = parts.cost
    values = {
        "latency": (cost.latency_us, "us"),
        "memory, at full bandwidth": (parts.memory_us, "us"),
        "compute, at full rate": (parts.compute_us, "us"),
        "launch gaps": (parts.launch_us, "us"),
        "beyond the roofline": (parts.rest_us, "us"),
        "static energy": (parts.static_energy_mj, "mJ"),
        "dynamic energy": (parts.dynamic_energy_mj, "mJ"),
        "temperature rise": (parts.temp_rise_c, "K"),
    }
    render.table(
        f"{cost.op} at batch size {cost.tokens} ({_kind(cost)}, bound by {parts.bound or '?'})",
        ["part", "#value", "unit"],
        [[name, render.number(value), unit] for name, (value, unit) in values.items()],
    )
    for name, reason in parts.reasons.items():
        render.say(f"{name}: {reason}")
