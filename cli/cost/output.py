"""What `moeprof cost` prints: a cost with its interval, what it is made of, or a whole layer."""

import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...store.errors import shortened
from ...store.run import Run
from .. import render

if TYPE_CHECKING:
    from ...pipeline.answer_verdict import AnswerVerdict
    from ...pipeline.cost import Cost, CostBreakdown, LayerCost, LayerPart

_INTERVAL = ["#value", "#95 % from", "#to", "unit"]


def answer_data(
    found: "Cost | CostBreakdown | LayerCost", verdicts: "Sequence[AnswerVerdict]"
) -> dict[str, Any]:
    """Give the answer to a look-up, and the verdicts on it, for a program."""
    from ...pipeline.cost import LayerCost

    answer = _layer_data(found) if isinstance(found, LayerCost) else asdict(found)
    return answer | {"validations": [asdict(verdict) for verdict in verdicts]}


def show_answer(found: "Cost | CostBreakdown | LayerCost", name: str, path: Path) -> None:
    """Show the answer to a look-up of `name` in the model at `path`."""
    from ...pipeline.cost import CostBreakdown, LayerCost

    if isinstance(found, LayerCost):
        _show_layer(found, path)
    elif isinstance(found, CostBreakdown):
        _show_breakdown(found, path)
    else:
        _show_cost(found, name, path)


def _show_cost(found: "Cost", name: str, path: Path) -> None:
    """Show a cost as a table, and where its energy is from."""
    render.table(
        f"{name} at batch size {found.tokens} ({_kind(found)}, {found.source} time)",
        ["quantity", *_INTERVAL],
        [*_measured(found), ["temperature rise", render.number(found.temp_rise_c), "-", "-", "K"]],
    )
    _say_energy(found)
    _warn_if_flagged(found, path)


def _show_breakdown(parts: "CostBreakdown", path: Path) -> None:
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
    _warn_if_flagged(found, path)


def _layer_data(layer: "LayerCost") -> dict[str, Any]:
    """Give a layer's cost for a program, with its shares of a token and of an assignment."""
    shares = {
        f"{quantity}_per_{part}": getattr(layer, f"{quantity}_per_{part}")
        for quantity in ("latency_us", "energy_mj")
        for part in ("token", "assignment")
    }
    return asdict(layer) | shares | {"by_parts_us": layer.by_parts_us}


def _show_layer(layer: "LayerCost", path: Path) -> None:
    """Show what a layer costs in all, by token, by assignment, and by kernel."""
    share_us = layer.latency_us_per_token, layer.latency_us_per_assignment
    share_mj = layer.energy_mj_per_token, layer.energy_mj_per_assignment
    latencies_us = layer.latency_us, layer.latency_us_lo, layer.latency_us_hi
    energies_mj = layer.energy_mj, layer.energy_mj_lo, layer.energy_mj_hi
    rows = [
        ("latency", *latencies_us, *share_us, "us"),
        ("energy", *energies_mj, *share_mj, "mJ"),
    ]
    render.table(
        f"Layer at batch size {layer.tokens}, {layer.assignments} assignments to"
        f" {render.number(layer.active_experts)} experts{_flags(layer)}",
        ["quantity", "#value", "#95 % from", "#to", "#per token", "#per assignment", "unit"],
        [[name, *map(render.number, values), unit] for name, *values, unit in rows],
    )
    of_calls = any((part.cost.tokens, part.calls) != (layer.tokens, 1) for part in layer.parts)
    call_columns = ["#batch size", "#calls", "#us a call"] if of_calls else []
    render.table(
        "Its parts, one after the other",
        ["part", *call_columns, "#us", "#% of time", "#mJ", "kind"],
        [
            *(_part_row(part, layer, of_calls) for part in layer.parts),
            *_rows_beside(layer, len(call_columns)),
        ],
    )
    _say_beside(layer)
    if layer.energy_reason is None:
        sources = ", ".join(sorted({part.cost.energy_source for part in layer.parts}))
        why = layer.energy_interval_reason
        render.say(f"energy: {sources}" + (f"; no interval: {why}" if why else ""))
    else:
        render.say(f"energy: unavailable: {layer.energy_reason}")
    costs = [part.cost for part in layer.parts] + ([layer.unit] if layer.unit else [])
    flagged = dict.fromkeys(cost.op for cost in costs if cost.doubtful)
    if flagged:
        _warn_flagged(", ".join(flagged), path)


def _flags(layer: "LayerCost") -> str:
    """What the head of a layer's table says of its routing, and whether it is an estimate."""
    routed = () if layer.routing is None else (shortened(layer.routing, 30),)
    flags = {"incomplete": routed and layer.missing, "estimated": layer.estimated}
    words = (*routed, *(flag for flag, holds in flags.items() if holds))
    return f" ({', '.join(words)})" if words else ""


def _part_row(part: "LayerPart", layer: "LayerCost", of_calls: bool) -> list[str]:
    cost = part.cost
    calls = [str(cost.tokens), str(part.calls), render.number(cost.latency_us)] if of_calls else []
    whole_us = part.calls * part.cost.latency_us
    energy_mj = part.cost.energy_mj
    return [
        part.cost.op,
        *calls,
        render.number(whole_us),
        render.number(100 * whole_us / layer.latency_us, 3),
        render.number(None if energy_mj is None else part.calls * energy_mj),
        _kind(part.cost),
    ]


def _rows_beside(layer: "LayerCost", blanks: int) -> list[list[str]]:
    """The rows of what a layer takes beside its parts: in a row, and between ranks."""
    unit = layer.unit if layer.is_as_measured else None
    added = [
        ("difference", layer.difference_us, "fitted" if unit is None else _kind(unit)),
        *((one.name, one.latency_us, "estimated") for one in layer.communication),
    ]
    return [
        [
            name,
            *[""] * blanks,
            render.number(us),
            render.number(100 * us / layer.latency_us, 3),
            "",
            of,
        ]
        for name, us, of in added
        if us is not None
    ]


def _say_beside(layer: "LayerCost") -> None:
    """Say what is missing, and what the layer takes as one unit."""
    if layer.missing:
        render.say(f"without {'; '.join(layer.missing)}")
    if layer.communication_reason is not None:
        render.say(f"nothing goes over a link: {layer.communication_reason}")
    if layer.difference_reason is not None:
        render.say(f"no difference of a whole layer is added: {layer.difference_reason}")
    if layer.unit is not None:
        render.say(_as_unit(layer, layer.unit))
    if layer.difference is not None:
        fitted = layer.difference
        render.say(
            f"fitted difference of a whole layer: {render.number(fitted.gap_us, 3)} us between two"
            f" parts, and {_more_or_less(-fitted.overlap_share)} of the sum; fitted at {fitted.n}"
            f" sizes, within {render.number(100 * math.expm1(fitted.half_95), 3)} % at 95 % of them"
        )


def _as_unit(layer: "LayerCost", unit: "Cost") -> str:
    """The layer as one unit, and how far its parts and their fitted difference are from that."""
    latency = f"{render.number(unit.latency_us)} us ({_kind(unit)})"
    by_parts = ""
    if layer.by_parts_us is not None:
        more = _more_or_less(layer.by_parts_us / unit.latency_us - 1)
        by_parts = f", and with the fitted difference {render.number(layer.by_parts_us)} us, {more}"
    return (
        f"{'measured ' if layer.is_as_measured else ''}as one unit ({unit.op}): {latency}; the sum"
        f" of the parts is {render.number(layer.sum_us)} us{by_parts}"
    )


def _more_or_less(share: float) -> str:
    return f"{render.number(100 * abs(share), 3)} % {'more' if share > 0 else 'less'}"


def _measured(found: "Cost") -> tuple[list[str], list[str]]:
    """Give the rows of latency and energy, which have an interval."""
    latencies_us = found.latency_us, found.latency_us_lo, found.latency_us_hi
    energies_mj = found.energy_mj, found.energy_mj_lo, found.energy_mj_hi
    return (
        ["latency", *map(render.number, latencies_us), "us"],
        ["energy", *map(render.number, energies_mj), "mJ"],
    )


def _say_energy(found: "Cost") -> None:
    reason = f": {found.energy_reason}" if found.energy_reason else ""
    render.say(f"energy: {found.energy_source}{reason}")


def _warn_if_flagged(found: "Cost", path: Path) -> None:
    if found.doubtful:
        _warn_flagged(found.op, path)


def _warn_flagged(ops: str, path: Path) -> None:
    run = path.parent
    why = f": `moeprof report {run}` says why" if Run(run).plan_path.is_file() else ""
    render.warn(f"{ops}: a point that this stands on is flagged{why}")


def _kind(found: "Cost") -> str:
    """Name the kind of evidence behind a cost."""
    kinds = {
        "estimated": found.estimated,
        "transferred": found.transferred,
        "extrapolated": found.extrapolated,
        "measured": found.measured,
        "unconfirmed": found.measured_once,
    }
    return next((kind for kind, holds in kinds.items() if holds), "interpolated")
