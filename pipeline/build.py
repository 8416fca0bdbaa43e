"""Tables to `kernel_cost_model.json`."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa

from ..costmodel.build import build_model as fit_model
from ..costmodel.checksum import with_checksum
from ..costmodel.layer.fitted import with_differences
from ..costmodel.merge_runs import check_different, check_mergeable, merged_sha256
from ..costmodel.thermal.response import with_response
from ..costmodel.work.expert_work import Routed
from ..scenarios.shapes.layer_parts import GATED_OPS, layer_sizes, parts_of, routed_of, unit_of
from ..store.cost_model import CostModelFile, CurveModel
from ..store.document import read_document, write_document
from ..store.errors import BadInput, check_type, naming, path_argument
from ..store.fitted_runs import FittedRun, LayerSizes
from ..store.provenance import Provenance
from ..store.recorded.sources import INCOMPLETE
from ..store.run import Run, open_run
from ..store.tables.parquet import PARSE_AGAIN, StoredTable, read_stored, read_table
from ..store.tables.table_set import sources_of
from .measure.progress import SILENT, RunProgress, Warnings
from .measure.resume import layers_of
from .parse import parse_if_stale

__all__ = ["BuiltModel", "CostModelFile", "build_model"]


@dataclass(frozen=True, slots=True)
class BuiltModel:
    """A model, its file's path, and what to warn of; `model.unmeasured` says what it lacks."""

    path: Path
    model: CostModelFile
    warnings: tuple[str, ...]


def build_model(
    run: Path | str, *, also: Iterable[Path | str] = (), progress: RunProgress = SILENT
) -> BuiltModel:
    """Fit a cost model to the points of a run and write it into the run's folder.

    `also` names runs of other operations or other layers on the same machine. Runs whose tables are
    older than their recordings are parsed first. `progress` receives each warning as it is found.
    Raises BadInput where a folder is no run, the runs may not be merged, or no curve can be fitted.
    """
    if isinstance(also, str):  # a sequence too, of letters
        raise BadInput(f"also is {also!r}, and it must be a list of runs", hint=f"also=[{also!r}]")
    check_type("also", also, Iterable)
    folders = [path_argument("run", run), *(path_argument("also", one) for one in also)]
    runs = [open_run(folder) for folder in folders]
    warnings = Warnings(progress)
    tables = [_tables_of(one, warnings) for one in runs]
    provenance = _common_provenance(runs)
    paths = [one.table("points") for one in runs]
    digests = [one.points.sha256 for one in tables]
    check_different(paths, digests)
    points = pa.concat_tables([one.points.table for one in tables])
    warnings.add(_flagged(points, runs))
    with naming(" and ".join(map(str, paths)), hint=PARSE_AGAIN):
        model = fit_model(
            points,
            preset=",".join(dict.fromkeys(run.plan().preset for run in runs)),
            provenance=provenance,
            points_sha256=merged_sha256(digests),
            routed=_routed(runs),
            planned={op.curve: op.operation or op.op for run in runs for op in run.plan().ops},
        )
    _check_has_curve(model, runs[0])
    model, no_heat = _with_heat(model, tables, points)
    warnings.add(no_heat)
    names = [None, *(one.folder.resolve().name for one in runs[1:])]
    fitted = tuple(
        FittedRun(one.points.sha256, one.sources_sha256, name)
        for one, name in zip(tables, names, strict=True)
    )
    layers = _layers_of(runs, model.curves)
    model = with_checksum(with_differences(replace(model, runs=fitted, layers=layers)))
    write_document(runs[0].model_path, model)
    return BuiltModel(runs[0].model_path, model, warnings.texts)


@dataclass(frozen=True, slots=True)
class _Tables:
    """The tables of a run that a model is made of, all of one parse."""

    points: StoredTable
    thermal_samples: pa.Table | None
    sources_sha256: str | None


def _tables_of(run: Run, warnings: Warnings) -> _Tables:
    """Read the tables of a run; parse it first where they are not of its recordings.

    Another parse may replace them meanwhile, and recordings may land: the former is read again, the
    latter is warned of.
    """
    warnings.add(parse_if_stale(run))
    while True:
        sources_sha256 = sources_of(run.tables)
        points = read_stored(run.table("points"), "points")
        path = run.table("thermal_samples")
        samples = read_table(path, "thermal_samples") if path.exists() else None
        if sources_of(run.tables) == sources_sha256:
            break
    if sources_sha256 not in (now := run.sources_sha256(), now + INCOMPLETE):
        warnings.add([f"recordings of {run.folder} came or went while it was parsed: build again"])
    return _Tables(points, samples, sources_sha256)


def _common_provenance(runs: Sequence[Run]) -> Provenance:
    """Give the provenance of runs that may be merged. Raises BadInput for others."""
    provenances = [read_document(run.provenance_path, Provenance) for run in runs]
    check_mergeable(provenances)
    return provenances[0]


def _layers_of(runs: Sequence[Run], curves: Sequence[CurveModel]) -> tuple[LayerSizes, ...]:
    """The layers that runs measured, each once by its sizes; none of a run without its preset.

    One whose gated experts are among `curves` has the names of all its parts. Layers that differ in
    the bits of packed weights alone have the parts of both.
    """
    measured = {one.curve: one.op for one in curves}
    gated = {curve for curve, op in measured.items() if op in GATED_OPS}
    found: dict[LayerSizes, LayerSizes] = {}
    for run in (one for one in runs if one.preset_path.exists()):
        plan = run.plan()
        for preset in layers_of(run, plan):
            sizes = layer_sizes(preset)
            first = found.setdefault(replace(sizes, preset=""), sizes)
            parts = parts_of(preset, plan.l2) if gated else ()
            if any(part.curve in gated for part in parts):
                routed = (one for one in routed_of(preset, plan.l2) if one.curve in measured)
                found[replace(sizes, preset="")] = replace(
                    first,
                    parts=tuple(dict.fromkeys((*first.parts, *parts))),
                    routed=tuple(dict.fromkeys((*first.routed, *routed))),
                    unit=unit_of(preset, plan.l2),
                )
    return tuple(found.values())


def _routed(runs: Sequence[Run]) -> dict[str, Routed]:
    """How tokens go to experts, of each curve of a layer that runs measured."""
    found: dict[str, Routed] = {}
    for run in (one for one in runs if one.preset_path.exists()):
        plan = run.plan()
        for preset in layers_of(run, plan):
            ranks = preset.experts // preset.held_experts
            routed = Routed(
                preset.routing, preset.experts, preset.top_k, ranks, preset.expert_loads
            )
            parts = (*parts_of(preset, plan.l2), *routed_of(preset, plan.l2))
            names = [*(part.curve for part in parts), unit_of(preset, plan.l2)]
            found |= {name: routed for name in names if name is not None}
    return found


def _flagged(points: pa.Table, runs: Sequence[Run]) -> list[str]:
    """Warn of points with flags: what disturbed them disturbs the model."""
    flagged = sum(bool(flags) for flags in points.column("marks").to_pylist())
    if not flagged:
        return []
    reports = ", ".join(f"`moeprof report {run.folder}`" for run in runs)
    return [
        f"{flagged} of {points.num_rows} points are flagged, and what disturbed a point disturbs"
        f" the model: {reports} says what it was"
    ]


def _check_has_curve(model: CostModelFile, run: Run) -> None:
    if not model.curves and not model.surfaces:
        reasons = "; ".join(f"{what}: {reason}" for what, reason in model.unmeasured.items())
        raise BadInput(
            f"{run.folder} holds no curve: {reasons}",
            hint="profile more batch sizes, or mend the op",
        )


def _with_heat(
    model: CostModelFile, tables: Sequence[_Tables], points: pa.Table
) -> tuple[CostModelFile, list[str]]:
    """Add the poles of the first run that recorded a thermal step; else warn why there are none."""
    recorded = (one.thermal_samples for one in tables)
    samples = next((one for one in recorded if one is not None), None)
    if samples is None:
        return model, []
    heated = with_response(model, samples, points)
    return heated, [] if heated.thermal else [f"no heat: {heated.thermal_reason}"]
