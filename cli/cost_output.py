"""What `moeprof cost` tells: a cost with its interval, what it is made of, or a whole layer."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..store.run import Run
from . import render

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..costmodel.breakdown import CostBreakdown
    from ..costmodel.cost import Cost
    from ..costmodel.layer import LayerCost

_INTERVAL = ["#value", "#95 % from", "#to", "unit"]


def show_cost(found: "Cost", name: str, path: Path) -> None:
    """Show a cost as a table, and what was said of its operation's model at `path`."""
    render.table(
        f"{name} at batch size {found.tokens} ({_kind(found)}, {found.source} time)",
        ["quantity", *_INTERVAL],
        [*_measured(found), ["temperature rise", render.number(found.temp_rise_c), "-", "-", "K"]],
    )
    _tell_energy(found)
    _tell_doubt(found, path)
    for sentence in _verdicts(path.parent, found.op):
        render.say(sentence)


def show_breakdown(parts: "CostBreakdown", path: Path) -> None:
    """Show a cost, then its parts, and why a part is not known."""
    found = parts.cost
    rows = {
        "memory_us": ("  memory, at full bandwidth", parts.memory_us, "us"),
        "compute_us": ("  compute, at full rate", parts.compute_us, "us"),
        "launch_us": ("  launch gaps", parts.launch_us, "us"),
        "rest_us": ("  beyond the roofline", parts.rest_us, "us"),
        "static_energy_mj": ("  static energy", parts.static_energy_mj, "mJ"),
        "dynamic_energy_mj": ("  dynamic energy", parts.dynamic_energy_mj, "mJ"),
        "temp_rise_c": ("temperature rise", parts.temp_rise_c, "K"),
    }
    shown = [[name, render.number(value), "", "", unit] for name, value, unit in rows.values()]
    latency, energy = _measured(found)
    render.table(
        f"{found.op} at batch size {found.tokens} ({_kind(found)}, bound by {parts.bound or '?'})",
        ["part", *_INTERVAL],
        [latency, *shown[:4], energy, *shown[4:]],
    )
    for field, reason in parts.reasons.items():
        name = rows[field][0].strip()
        render.say(f"{name}: {reason}")
    _tell_doubt(found, path)


def layer_data(layer: "LayerCost") -> dict[str, Any]:
    """Give a layer's cost for a program, with its shares of a token and of an assignment."""
    shares = {
        f"{quantity}_per_{part}": getattr(layer, f"{quantity}_per_{part}")
        for quantity in ("latency_us", "energy_mj")
        for part in ("token", "assignment")
    }
    return asdict(layer) | shares


def show_layer(layer: "LayerCost", path: Path) -> None:
    """Show what a layer costs in all, by token, by assignment, and by kernel."""
    share_us = layer.latency_us_per_token, layer.latency_us_per_assignment
    share_mj = layer.energy_mj_per_token, layer.energy_mj_per_assignment
    latencies_us = layer.latency_us, layer.latency_us_lo, layer.latency_us_hi, *share_us
    rows = [
        ("latency", *latencies_us, "us"),
        ("energy", layer.energy_mj, None, None, *share_mj, "mJ"),
    ]
    render.table(
        f"Layer at batch size {layer.tokens}, {layer.assignments} assignments to"
        f" {layer.active_experts} experts{' (estimated)' if layer.estimated else ''}",
        ["quantity", "#value", "#95 % from", "#to", "#per token", "#per assignment", "unit"],
        [[name, *map(render.number, values), unit] for name, *values, unit in rows],
    )
    render.table(
        "Its kernels, one after the other",
        ["op", "#batch size", "#calls", "#us a call", "#us", "#% of time", "#mJ", "kind"],
        [
            [
                part.cost.op,
                str(part.cost.tokens),
                str(part.calls),
                render.number(part.cost.latency_us),
                render.number(part.calls * part.cost.latency_us),
                render.number(100 * part.calls * part.cost.latency_us / layer.latency_us, 3),
                render.number(None if (mj := part.cost.energy_mj) is None else part.calls * mj),
                _kind(part.cost),
            ]
            for part in layer.parts
        ],
    )
    if layer.energy_reason is None:
        render.say(
            f"energy: {', '.join(sorted({part.cost.energy_source for part in layer.parts}))}"
        )
    else:
        render.say(f"energy: unavailable: {layer.energy_reason}")
    for doubted in {part.cost.op: part.cost for part in layer.parts if part.cost.doubtful}.values():
        _tell_doubt(doubted, path)


def _measured(found: "Cost") -> tuple[list[str], list[str]]:
    """Rows of the two quantities that have an interval."""
    latencies_us = found.latency_us, found.latency_us_lo, found.latency_us_hi
    energies_mj = found.energy_mj, found.energy_mj_lo, found.energy_mj_hi
    return (
        ["latency", *map(render.number, latencies_us), "us"],
        ["energy", *map(render.number, energies_mj), "mJ"],
    )


def _tell_energy(found: "Cost") -> None:
    reason = f": {found.energy_reason}" if found.energy_reason else ""
    render.say(f"energy: {found.energy_source}{reason}")


def _tell_doubt(found: "Cost", path: Path) -> None:
    if found.doubtful:
        run = path.parent
        why = f": `moeprof report {run}` says why" if Run(run).plan_path.is_file() else ""
        render.warn(f"{found.op}: a point that this stands on is in doubt{why}")


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
