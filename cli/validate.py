"""`moeprof validate`: the model's predictions against measurements that the fit never saw."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..store.errors import BadInput
from ..store.plan import Role
from . import render
from .options import DEFAULT_STORE, Json, Store, find_model
from .profile_output import tell_failures
from .validate_output import show_verdict

if TYPE_CHECKING:
    import pyarrow as pa

    from ..costmodel.model import KernelCostModel
    from ..store.cost_model import CostModelFile
    from ..store.verdict import Validation


def validate(
    model: Annotated[
        Path | None,
        typer.Argument(metavar="MODEL", help="Model file or its run; the latest if left out."),
    ] = None,
    against: Annotated[
        str,
        typer.Option(
            "--against", help="holdout; nvml, to measure now; or the folder of another run."
        ),
    ] = "holdout",
    limit: Annotated[
        float | None,
        typer.Option(
            help="Allowed median error, and error of a mixed replay, in percent.",
            show_default="3; of energy 5",
        ),
    ] = None,
    store: Store = DEFAULT_STORE,
    json: Json = False,
) -> None:
    """Judge the model: PASS (exit 0), FAIL (1) or AMBIGUOUS (125)."""
    from ..costmodel.model import KernelCostModel
    from ..store.document import to_json, write_document

    if limit is not None and not 0 < limit < 100:
        raise BadInput(f"--limit {limit:g} is no percentage", hint="write 3 for 3 %")
    path = find_model(model, store)
    loaded = KernelCostModel.load(path)
    render.say(f"model: {path}")
    if against == "nvml":
        against = str(_measure(path, loaded.file))
    verdict = _judge(path, loaded, against, None if limit is None else limit / 100)
    suffix = "" if against == "holdout" else f"-{Path(against).resolve().name}"
    write_document(path.with_name(f"validation{suffix}.json"), verdict)
    if json:
        render.text(to_json(verdict))
    else:
        show_verdict(verdict)
    raise typer.Exit(verdict.outcome.exit_code)


def _judge(path: Path, model: "KernelCostModel", against: str, limit: float | None) -> "Validation":
    """Judge from files alone: by the hold-out of the model's own run, or by another run."""
    from ..compare.holdout import validate_holdout
    from ..compare.mixed_workload import with_mixed_workload
    from ..energy.mixed_workload import read_mixed_workload
    from ..store.run import Run

    name = path.resolve().parent.name
    if against == "holdout":
        return validate_holdout(model, name, _own_points(path, model.file), limit=limit)
    points = _points_of(against, model.file)
    verdict = validate_holdout(model, name, points, limit=limit)
    verdict = with_mixed_workload(
        verdict, model, read_mixed_workload(Run(Path(against))), limit=limit
    )
    return replace(verdict, against=against)


def _measure(path: Path, model: "CostModelFile") -> Path:
    """Measure what the model predicts, at sizes that its fit never saw; return the run's folder.

    Raises CannotMeasure where no energy can be read, before anything runs.
    """
    from ..pipeline.validation_run import open_validation
    from ..store.run import open_run

    own = open_run(path.parent)
    _own_points(path, model)
    validation = open_validation(own, model.provenance.device_name)
    folder = validation.run.folder
    known = (*(one.energy_mj for one in model.curves), *(one.energy_mj for one in model.surfaces))
    if all(energy_mj is None for energy_mj in known):
        render.warn("the model knows no energy: its verdict will be on latency alone")
    render.say(f"energy: {validation.sensors}")
    render.say(f"{'going on with' if validation.resumed else 'measuring into'}: {folder}")
    try:
        with render.SweepBar() as bar:
            summaries = validation.measure(bar)
        for summary in summaries:
            tell_failures(summary)
        render.say("mixed replay: every operation in turns")
        for warning in validation.replay():
            render.warn(warning)
    except KeyboardInterrupt:
        render.say("interrupted; the same command goes on with it")
        raise
    return folder


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

    from ..parsers.recording_tables import parse_run, tables_are_current
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
    held = pa.array([Role.HOLDOUT] * points.num_rows, type=pa.string())
    return points.set_column(column, points.schema.field("role"), held)
