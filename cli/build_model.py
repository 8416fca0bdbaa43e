"""`moeprof build-model`: tables to `kernel_cost_model.json`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from . import render
from .options import DEFAULT_STORE, Json, RunArgument, Store, find_run

if TYPE_CHECKING:
    from ..store.cost_model import CostModelFile, CurveModel, SurfaceModel


def build_model(
    run: RunArgument = None,
    also: Annotated[
        list[Path] | None,
        typer.Option(
            "--also",
            metavar="RUN",
            help="Another run, of other operations on the same machine; may be repeated.",
        ),
    ] = None,
    store: Store = DEFAULT_STORE,
    json: Json = False,
) -> None:
    """Fit a cost model to what a run measured.

    Recordings that are not parsed yet are parsed first.
    """
    from ..pipeline.build import build_model as build

    found = find_run(run, store)
    built = build(found.folder, also=also or (), progress=render.Talk())
    render.say(f"model: {built.path}")
    unmeasured = built.model.unmeasured
    if json:
        render.data({"model": str(built.path), "unmeasured": unmeasured})
        return
    _show_curves(built.model)
    for what, reason in unmeasured.items():
        render.warn(f"{what} is not in the model: {reason}")


def _show_curves(model: "CostModelFile") -> None:
    ops = [curve.op for curve in model.curves]
    rows = [_curve_row(curve, ops.count(curve.op) == 1) for curve in model.curves]
    render.table(
        "Curves, and the leave-one-out error of their fit in %",
        ["curve", "#from", "#to", "#knots", "fit", "#median", "#p95"],
        [*rows, *map(_surface_row, model.surfaces)],
    )


def _curve_row(curve: "CurveModel", only_curve: bool) -> list[str]:
    """Show a curve by its operation where that has no other."""
    return [
        curve.op if only_curve else curve.curve,
        str(curve.domain.first_tokens),
        str(curve.domain.last_tokens),
        str(len(curve.knots_tokens)),
        curve.fit,
        render.percent(curve.error.median),
        render.percent(curve.error.p95),
    ]


def _surface_row(surface: "SurfaceModel") -> list[str]:
    return [
        f"{surface.op}, by active experts",
        str(min(surface.knots_tokens)),
        str(max(surface.knots_tokens)),
        str(len(surface.knots_tokens)),
        "surface",
        render.percent(surface.error.median),
        render.percent(surface.error.p95),
    ]
