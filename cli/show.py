"""`moeprof show`: a model in the terminal: its curves, its errors, where it comes from."""

from dataclasses import asdict
from math import log
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from ..store.errors import shortened
from ..store.text.listed import listed
from . import render
from .options import DEFAULT_STORE, Json, Store, find_model

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..pipeline.show import LayerCost, LayerSizes, ModelView
    from ..store.cost_model import CostModelFile, CurveModel

_BLOCKS: Final = "▁▂▃▄▅▆▇█"
_COLUMNS: Final = 8
_MAX_CURVES: Final = 40
_NAME_WIDTH: Final = 28  # what a curve's numbers leave of 80 columns


def show(
    model: Annotated[
        Path | None,
        typer.Argument(metavar="MODEL", help="Model file or its run; the latest if left out."),
    ] = None,
    store: Store = DEFAULT_STORE,
    json: Json = False,
) -> None:
    """Show a model's curves, errors and origin."""
    from ..pipeline.cost import UNCHECKED
    from ..pipeline.show import show_model

    view = show_model(find_model(model, store), steps=_COLUMNS, max_curves=_MAX_CURVES)
    if view.stale is not None:
        render.warn(view.stale)
    if view.file.sha256 is None:
        render.warn(f"the model {UNCHECKED}")
    if json:
        render.data(asdict(view.file))
        return
    _show_curves(view)
    for surface in view.file.surfaces:
        render.say(
            f"{surface.op} over tokens and active experts: {len(surface.latency_us)} points, "
            f"left out {render.percent(surface.error.median)} / "
            f"{render.percent(surface.error.p95)} % off"
        )
    for layer, costs in view.layers:
        _show_layer(layer, costs)
    _say_origin(view.file)
    _say_what_lacks(view)


def _show_layer(layer: "LayerSizes", costs: "Sequence[LayerCost]") -> None:
    """Show what the parts of a layer take, their sum, and the layer as it was measured."""
    from ..pipeline.show import described

    parts = [
        [one.cost.op, *(render.number(cost.parts[at].cost.latency_us, 3) for cost in costs)]
        for at, one in enumerate(costs[0].parts)
    ]
    quantities: dict[str, list[float | None]] = {
        "sum": [cost.sum_us for cost in costs],
        "difference, fitted": [cost.difference_us for cost in costs],
        f"layer, {'incomplete' if costs[0].missing else 'predicted'}": [
            cost.latency_us for cost in costs
        ],
        "  95 % from": [cost.latency_us_lo for cost in costs],
        "  to": [cost.latency_us_hi for cost in costs],
        "measured as one": [None if cost.unit is None else cost.unit.latency_us for cost in costs],
    }
    render.table(
        f"Layer {described(layer)}, {shortened(layer.routing or '', 30)}",
        ["us at batch size", *(f"#{cost.tokens}" for cost in costs)],
        [*parts, *([name, *(render.number(us, 3) for us in q)] for name, q in quantities.items())],
    )
    if costs[0].missing:
        render.say(f"without {'; '.join(costs[0].missing)}")
    if costs[0].difference is None:
        render.say(f"no difference of a whole layer is added: {costs[0].difference_reason}")


def _show_curves(view: "ModelView") -> None:
    curves, ops = view.file.curves, [curve.op for curve in view.file.curves]
    render.table(
        "Curves: latency over batch size, both logarithmic; leave-one-out error in %",
        ["curve", "#batch sizes", "latency", "#us", "#to us", "#median", "#p95"],
        [
            _row(curve, drawn(latencies_us), ops.count(curve.op) == 1)
            for curve, latencies_us in zip(curves, view.latencies_us, strict=False)
        ],
    )
    unconfirmed = [
        f"{curve.op if ops.count(curve.op) == 1 else curve.curve}"
        f" at {len(curve.unconfirmed_tokens)} of {len(curve.knots_tokens)} sizes"
        for curve in curves
        if curve.unconfirmed_tokens
    ]
    if unconfirmed:
        render.paragraph(f"unconfirmed, no two measurements agree: {listed(unconfirmed)}")
    steps = [curve.curve for curve in curves if curve.fit != "linear"]
    if steps:
        render.paragraph(f"fitted with steps of row tiles: {listed(steps)}")
    if len(curves) > _MAX_CURVES:
        render.say(f"and {len(curves) - _MAX_CURVES} more curves: --json has them all")


def _row(curve: "CurveModel", line: str, only_curve: bool) -> list[str | render.Lines]:
    return [
        curve.op if only_curve else render.name_lines(curve.curve, _NAME_WIDTH),
        f"{curve.domain.first_tokens}-{curve.domain.last_tokens}",
        line,
        render.number(min(curve.latency_us), 3),
        render.number(max(curve.latency_us), 3),
        render.percent(curve.error.median),
        render.percent(curve.error.p95),
    ]


def drawn(values: "Sequence[float]", least_factor: float = 2.0) -> str:
    """Draw values as one line of blocks, on a logarithmic scale of at least so large a factor."""
    heights = list(map(log, values))
    low, span = min(heights), max(max(heights) - min(heights), log(least_factor))
    return "".join(_BLOCKS[int((h - low) / span * (len(_BLOCKS) - 1) + 0.5)] for h in heights)


def _say_origin(file: "CostModelFile") -> None:
    scores = file.intervals
    render.say(f"device: {file.provenance.device_name}; preset: {file.preset}")
    software = ", ".join(f"{name} {v}" for name, v in sorted(file.provenance.versions.items()))
    render.say(f"software: {software or 'unknown'}; points sha256 {file.points_sha256[:12]}")
    render.say(f"intervals: {scores.n} scores from {scores.method}")
    if file.peaks is not None:
        render.say(f"roofline: {file.peaks.source}")
    if file.origin is not None:
        origin = file.origin
        render.say(f"imported from {origin.project}, {origin.licence}, commit {origin.commit}")
        for remark in origin.remarks:
            render.warn(remark)


def _say_what_lacks(view: "ModelView") -> None:
    file = view.file
    energy = {curve.energy_reason for curve in file.curves if curve.energy_mj is None}
    for reason in sorted(filter(None, energy)):
        render.say(f"no energy: {reason}")
    if view.heat is not None:
        render.say(f"heat: {view.heat}")
    elif file.thermal_reason:
        render.say(f"no heat: {file.thermal_reason}")
    for what, reason in file.unmeasured.items():
        render.warn(f"{what} is not in the model: {reason}")
