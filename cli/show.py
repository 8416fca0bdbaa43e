"""`moeprof show`: a model in the terminal: its curves, its errors, where it comes from."""

from dataclasses import asdict
from math import log
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from . import render
from .options import DEFAULT_STORE, Json, Store, find_model

if TYPE_CHECKING:
    from ..costmodel.model import KernelCostModel
    from ..store.cost_model import CostModelFile, CurveModel

_BLOCKS: Final = "▁▂▃▄▅▆▇█"
_COLUMNS: Final = 8
_MAX_CURVES: Final = 40


def show(
    model: Annotated[
        Path | None,
        typer.Argument(metavar="MODEL", help="Model file or its run; the latest if left out."),
    ] = None,
    store: Store = DEFAULT_STORE,
    json: Json = False,
) -> None:
    """Show a model's curves, errors and origin."""
    from ..costmodel.model import KernelCostModel

    loaded = KernelCostModel.load(find_model(model, store))
    if json:
        render.data(asdict(loaded.file))
        return
    shown = loaded.curves[:_MAX_CURVES]
    ops = [curve.op for curve in loaded.curves]
    render.table(
        "Curves: latency over batch size, both logarithmic; leave-one-out error in %",
        ["curve", "#from", "#to", "latency", "#us", "#to us", "fit", "#median", "#p95"],
        [_row(loaded, curve, ops.count(curve.op) == 1) for curve in shown],
    )
    if len(loaded.curves) > len(shown):
        render.say(f"and {len(loaded.curves) - len(shown)} more curves: --json has them all")
    for surface in loaded.file.surfaces:
        render.say(
            f"{surface.op} over tokens and active experts: {len(surface.latency_us)} points, "
            f"left out {render.percent(surface.error.median)} / "
            f"{render.percent(surface.error.p95)} % off"
        )
    _tell_origin(loaded.file)


def _row(model: "KernelCostModel", curve: "CurveModel", alone: bool) -> list[str]:
    return [
        curve.op if alone else curve.curve,
        str(curve.domain.first_tokens),
        str(curve.domain.last_tokens),
        _drawn(model, curve),
        render.number(min(curve.latency_us), 3),
        render.number(max(curve.latency_us), 3),
        curve.fit,
        render.percent(curve.error.median),
        render.percent(curve.error.p95),
    ]


def _drawn(model: "KernelCostModel", curve: "CurveModel") -> str:
    """Draw a curve in one line of blocks, at sizes even in their logarithm."""
    first, last = curve.domain.first_tokens, curve.domain.last_tokens
    ratio = (last / first) ** (1 / (_COLUMNS - 1))
    sizes = [min(last, max(first, round(first * ratio**step))) for step in range(_COLUMNS)]
    heights = [log(value) for value in model.get_costs(curve.curve, sizes).latency_us.tolist()]
    low, span = min(heights), max(max(heights) - min(heights), log(2))
    return "".join(_BLOCKS[int((h - low) / span * (len(_BLOCKS) - 1) + 0.5)] for h in heights)


def _tell_origin(file: "CostModelFile") -> None:
    from ..costmodel.thermal.description import thermal_description

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
    energy = {curve.energy_reason for curve in file.curves if curve.energy_mj is None}
    for reason in sorted(filter(None, energy)):
        render.say(f"no energy: {reason}")
    if file.thermal is not None:
        render.say(f"heat: {thermal_description(file.thermal)}")
    elif file.thermal_reason:
        render.say(f"no heat: {file.thermal_reason}")
    for what, reason in file.unmeasured.items():
        render.warn(f"{what} is not in the model: {reason}")
