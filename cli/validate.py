"""`moeprof validate`: the model's predictions against measurements that the fit never saw."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..store.errors import BadInput, CannotMeasure
from . import render
from .options import DEFAULT_STORE, Json, Store, find_model

if TYPE_CHECKING:
    import pyarrow as pa

    from ..store.cost_model import CostModelFile
    from ..store.verdict import Validation


def validate(
    model: Annotated[
        Path | None,
        typer.Argument(metavar="MODEL", help="Model file or its run; the latest if left out."),
    ] = None,
    against: Annotated[
        str, typer.Option("--against", help="holdout, nvml, or the folder of another run.")
    ] = "holdout",
    limit: Annotated[
        float | None,
        typer.Option(
            help="Allowed median error in percent.", show_default="latency and power 3, energy 5"
        ),
    ] = None,
    store: Store = DEFAULT_STORE,
    json: Json = False,
) -> None:
    """Judge the model: PASS (exit 0), FAIL (1) or AMBIGUOUS (125)."""
    from ..compare.holdout import validate_holdout
    from ..costmodel.model import KernelCostModel
    from ..store.document import to_json, write_document

    if against == "nvml":
        _refuse_nvml()
    if limit is not None and not 0 < limit < 100:
        raise BadInput(f"--limit {limit:g} is no percentage", hint="write 3 for 3 %")
    path = find_model(model, store)
    loaded = KernelCostModel.load(path)
    render.say(f"model: {path}")
    own = against == "holdout"
    points = _own_points(path, loaded.file) if own else _points_of(against, loaded.file)
    share = None if limit is None else limit / 100
    verdict = validate_holdout(loaded, path.parent.name, points, limit=share)
    verdict = replace(verdict, against=against)
    name = "validation.json" if own else f"validation-{Path(against).resolve().name}.json"
    write_document(path.with_name(name), verdict)
    if json:
        render.text(to_json(verdict))
    else:
        _show(verdict)
    raise typer.Exit(verdict.outcome.exit_code)


def _refuse_nvml() -> None:
    """Raise CannotMeasure: NVML is not there, or the run holds no power to set against it."""
    from ..device.nvml import nvml

    with nvml():
        raise CannotMeasure(
            "runs of this version hold no power readings to set against NVML",
            hint="use --against holdout",
        )


def _own_points(path: Path, model: "CostModelFile") -> "pa.Table":
    """Points of the run that the model was built from. Raises BadInput if they have changed."""
    from ..store.recording import sha256_of
    from ..store.run import Run
    from ..store.tables import read_table

    run = Run(path.parent)
    points = read_table(run.table("points"), "points")
    if sha256_of(run.table("points")) != model.points_sha256:
        raise BadInput(
            f"{path} was built from other points than {run.folder} holds now",
            hint=f"build it anew: moeprof build-model {run.folder}",
        )
    return points


def _points_of(folder: str, model: "CostModelFile") -> "pa.Table":
    """Every point of another run on the same device: the fit has seen none of them.

    Raises BadInput where it is the run that the model was built from, or of another device.
    """
    import pyarrow as pa

    from ..parsers.run_tables import parse_run, tables_are_current
    from ..store.document import read_document
    from ..store.provenance import Provenance
    from ..store.recording import sha256_of
    from ..store.run import open_run
    from ..store.tables import read_table

    run = open_run(Path(folder))
    run.plan()  # a run of a version that this one does not know is refused
    if not tables_are_current(run):
        for warning in parse_run(run):
            render.warn(warning)
    measured_on = read_document(run.provenance_path, Provenance).device_name
    if measured_on != model.provenance.device_name:
        raise BadInput(
            f"{folder} was measured on {measured_on}, the model on {model.provenance.device_name}",
            hint="a model is held against measurements of the same device",
        )
    points = read_table(run.table("points"), "points")
    if sha256_of(run.table("points")) == model.points_sha256:
        raise BadInput(
            f"the model was built from the points of {folder}",
            hint="use --against holdout: its fit never saw the hold-out",
        )
    column = points.schema.get_field_index("role")
    held = pa.array(["holdout"] * points.num_rows, type=pa.string())
    return points.set_column(column, points.schema.field("role"), held)


def _show(verdict: "Validation") -> None:
    render.say(f"{verdict.outcome}: {verdict.model} against {verdict.against}")
    for metric in dict.fromkeys(curve.metric for curve in verdict.curves):
        judged = [curve for curve in verdict.curves if curve.metric == metric]
        render.table(
            f"Error of {metric} in %; the median may be {100 * judged[0].limit:.4g}",
            ["op", "#n", "#median", "#p95", "#max", "#bias", "#floor", "verdict"],
            [
                [
                    curve.op,
                    str(curve.n),
                    *map(render.percent, (curve.median, curve.p95, curve.max, curve.bias)),
                    render.percent(curve.floor),
                    curve.outcome,
                ]
                for curve in judged
            ],
        )
    for curve in verdict.curves:
        render.say(f"{curve.op} {curve.metric}: {curve.outcome}: {curve.reason}")
    for metric, reason in verdict.unmeasured.items():
        render.say(f"{metric}: not validated: {reason}")
