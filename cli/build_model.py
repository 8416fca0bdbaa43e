"""`moeprof build-model`: tables to `kernel_cost_model.json`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..store.errors import BadInput
from . import render
from .options import DEFAULT_STORE, Json, RunArgument, Store, find_run

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from ..store.cost_model import CostModelFile
    from ..store.run import Run


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
    import pyarrow as pa

    from ..costmodel.build import build_model as fit
    from ..costmodel.merge_runs import check_mergeable, check_one_preset, merged_sha256
    from ..parsers.recording_tables import parse_run, tables_are_current
    from ..store.document import read_document, write_document
    from ..store.provenance import Provenance
    from ..store.recording import sha256_of
    from ..store.run import open_run
    from ..store.tables import read_table

    found = find_run(run, store)
    runs = [found, *(open_run(folder) for folder in also or ())]
    for one in runs:
        if not tables_are_current(one):
            for warning in parse_run(one):
                render.warn(warning)
    provenances = [read_document(one.provenance_path, Provenance) for one in runs]
    check_mergeable(provenances)
    check_one_preset([one.plan().preset for one in runs])
    paths = [one.table("points") for one in runs]
    points = pa.concat_tables([read_table(path, "points") for path in paths])
    _tell_doubts(points, runs)
    model = fit(
        points,
        preset=found.plan().preset,
        provenance=provenances[0],
        points_sha256=merged_sha256([sha256_of(path) for path in paths]),
    )
    if not model.curves and not model.surfaces:
        why = "; ".join(f"{what}: {reason}" for what, reason in model.unmeasured.items())
        raise BadInput(
            f"{found.folder} holds no curve: {why}", hint="profile more batch sizes, or mend the op"
        )
    model = _with_heat(model, runs, points)
    write_document(found.model_path, model)
    render.say(f"model: {found.model_path}")
    if json:
        render.data({"model": str(found.model_path), "unmeasured": model.unmeasured})
        return
    _tell_curves(model)
    for what, reason in model.unmeasured.items():
        render.warn(f"{what} is not in the model: {reason}")


def _tell_curves(model: "CostModelFile") -> None:
    ops = [curve.op for curve in model.curves]
    render.table(
        "Curves, and the leave-one-out error of their fit in %",
        ["curve", "#from", "#to", "#knots", "fit", "#median", "#p95"],
        [
            [
                curve.op if ops.count(curve.op) == 1 else curve.curve,
                str(curve.domain.first_tokens),
                str(curve.domain.last_tokens),
                str(len(curve.knots_tokens)),
                curve.fit,
                render.percent(curve.error.median),
                render.percent(curve.error.p95),
            ]
            for curve in model.curves
        ]
        + [
            [
                f"{surface.op}, by active experts",
                str(min(surface.knots_tokens)),
                str(max(surface.knots_tokens)),
                str(len(surface.knots_tokens)),
                "surface",
                render.percent(surface.error.median),
                render.percent(surface.error.p95),
            ]
            for surface in model.surfaces
        ],
    )


def _with_heat(
    model: "CostModelFile", runs: "Sequence[Run]", points: "pa.Table"
) -> "CostModelFile":
    """Give the model the poles of the first run that recorded a thermal step."""
    from ..costmodel.thermal.response import with_response
    from ..store.tables import read_table

    tables = [run.table("thermal_samples") for run in runs]
    samples = next((read_table(path, "thermal_samples") for path in tables if path.exists()), None)
    if samples is None:
        return model
    heated = with_response(model, samples, points)
    if heated.thermal is None:
        render.warn(f"no heat: {heated.thermal_reason}")
    return heated


def _tell_doubts(points: "pa.Table", runs: "Sequence[Run]") -> None:
    """Say how many points bear marks: what disturbed them disturbs the model."""
    reports = ", ".join(f"`moeprof report {run.folder}`" for run in runs)
    marked = sum(bool(marks) for marks in points.column("marks").to_pylist())
    if marked:
        render.warn(
            f"{marked} of {points.num_rows} points are in doubt, most often because their calls"
            f" spread: listed by {reports}; measure again on a quiet machine"
        )
