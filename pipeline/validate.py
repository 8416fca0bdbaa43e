"""A model's predictions against measurements that its fit never saw."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from os.path import isfile
from pathlib import Path
from types import NoneType
from typing import Final

import pyarrow as pa

from ..compare.holdout import validate_holdout
from ..compare.mixed_workload import with_mixed_workload
from ..costmodel.freshness import stale_sentence
from ..costmodel.model import KernelCostModel
from ..energy.mixed_workload import read_mixed_workload
from ..profiler.power.sensors import kept_recorder
from ..scenarios.run_options import RunOptions
from ..store.cost_model import CostModelFile
from ..store.document import read_document
from ..store.errors import BadInput, check_type, path_argument
from ..store.percent import percent
from ..store.plan import Role
from ..store.provenance import Provenance
from ..store.run import Run, model_file, open_run
from ..store.tables.parquet import StoredTable, read_stored, read_table
from ..store.verdicts.history import readable_verdicts, replace_verdict
from ..store.verdicts.verdict import Validation
from .disturbed import disturbed_points, only_disturbed
from .measure.progress import SILENT, RunProgress, Warnings
from .measure.sweep import failures_of
from .measure.validation_run import ValidationRun, open_validation
from .parse import parse_if_stale

HOLDOUT: Final = "holdout"
NVML: Final = "nvml"


@dataclass(frozen=True, slots=True)
class ValidationResult:
    """A verdict, the file that holds it, and what to warn of."""

    path: Path
    verdict: Validation
    warnings: tuple[str, ...]


def validate(
    model: Path | str,
    *,
    against: Path | str = HOLDOUT,
    limit_ratio: float | None = None,
    options: RunOptions | None = None,
    trust: bool = False,
    progress: RunProgress = SILENT,
) -> ValidationResult:
    """Judge a model, and write the verdict beside it; the one that was there is kept.

    `model` is a model's file or its run's folder. `against` is "holdout", the sizes that the
    model's own run held out; "nvml", to measure them again now, with energy; or the folder of
    another run on the same device. `limit_ratio` is the allowed median error, 0.03 for 3 %, from
    which the other limits follow (compare/limits.py); None for the default of each quantity. "nvml"
    measures: `wait_s` and `force` of `options` hold for it, as for `profile`; and it executes
    scripts of the model's run, which `trust` allows where another user or machine began that run.
    `progress` receives each warning as it is found.

    Raises BadInput where there is no such model or run, where they do not belong together or where
    `options` are given and nothing is measured, and CannotMeasure where "nvml" finds no source of
    energy.
    """
    path = model_file(path_argument("model", model))
    against = str(path_argument("against", against))
    check_type("limit_ratio", limit_ratio, float, int, NoneType)
    check_type("trust", trust, bool)
    check_type("options", options, RunOptions, NoneType)
    if against != NVML and options is not None:
        raise BadInput(
            "--wait and --force are for what is measured, and"
            f" --against {against} measures nothing",
            hint=f"leave them out, or measure with --against {NVML}",
        )
    loaded = KernelCostModel.load(path)
    if isfile((run := Run(path.parent)).plan_path):
        run.check_confined()
    progress.notice(f"model: {path}")
    warnings = Warnings(progress)
    warnings.add(filter(None, [stale_sentence(path, loaded.file)]))
    if against == NVML:
        against = str(_measure(path, loaded.file, warnings, options or RunOptions(), trust))
    if against == HOLDOUT:
        points = _own_points(path, loaded.file, warnings)
        disturbed = _disturbed(path.parent)
        verdict = validate_holdout(
            loaded, _name(path), points, limit=limit_ratio, disturbed=disturbed
        )
    else:
        verdict = _against_run(path, loaded, against, limit_ratio, warnings)
    suffix = "" if against == HOLDOUT else f"-{Path(against).resolve().name}"
    written = path.with_name(f"validation{suffix}.json")
    now = datetime.now(UTC).isoformat(timespec="seconds")
    verdict = replace(verdict, model_sha256=loaded.file.sha256, validated_utc=now)
    warnings.add(_stricter_before(written, verdict))
    replace_verdict(written, verdict)
    return ValidationResult(written, verdict, warnings.texts)


def _stricter_before(path: Path, verdict: Validation) -> Iterator[str]:
    """Say which verdict under a stricter limit on the same model this one follows."""
    stricter = [one for one in readable_verdicts(path) if verdict.is_laxer_than(one)]
    if stricter:
        first = min(reversed(stricter), key=lambda one: one.strictest)
        yield (
            f"an earlier verdict on this model under a stricter limit, of"
            f" {percent(first.strictest)} %, is {first.outcome}: it is kept, and"
            " `moeprof cost` shows both"
        )


def _name(path: Path) -> str:
    """Name a model by its run."""
    return path.resolve().parent.name


def _against_run(
    path: Path,
    model: KernelCostModel,
    folder: str,
    limit_ratio: float | None,
    warnings: Warnings,
) -> Validation:
    """Judge by every point of another run, and by its mixed workload."""
    points = _points_of(folder, model.file, warnings)
    own = _points_beside(path, points)
    disturbed = _disturbed(Path(folder))
    verdict = validate_holdout(
        model, _name(path), points, limit=limit_ratio, own=own, disturbed=disturbed
    )
    if verdict.shift is not None:
        own_sizes = disturbed_points(own, _disturbed(path.parent)["latency"])
        verdict = replace(verdict, shift=replace(verdict.shift, own_sizes=own_sizes))
    replayed = read_mixed_workload(Run(Path(folder)))
    verdict = with_mixed_workload(verdict, model, replayed, limit=limit_ratio)
    return replace(verdict, against=Path(folder).resolve().name)  # a run is known by its name


def _disturbed(folder: Path) -> dict[str, frozenset[str]]:
    """Keys of the scenarios of a run that were measured only while the device was not quiet."""
    return only_disturbed([recording for _, recording in Run(folder).recordings()])


def _measure(
    path: Path, model: CostModelFile, warnings: Warnings, options: RunOptions, trust: bool
) -> Path:
    """Measure what the model predicts, at sizes that its fit never saw; return the run's folder.

    Raises CannotMeasure where no energy can be read, before anything runs.
    """
    own = open_run(path.parent)
    _own_points(path, model, warnings)
    with kept_recorder() as sensors:
        validation = open_validation(own, model.provenance.device_name, sensors, trust=trust)
        _measure_run(validation, model, warnings, options)
    return validation.run.folder


def _measure_run(
    validation: ValidationRun, model: CostModelFile, warnings: Warnings, options: RunOptions
) -> None:
    known = (*(one.energy_mj for one in model.curves), *(one.energy_mj for one in model.surfaces))
    if all(energy_mj is None for energy_mj in known):
        warnings.add(["the model knows no energy: its verdict will be on latency alone"])
    notice = warnings.progress.notice
    notice(f"energy: {validation.energy_from}")
    doing = "going on with" if validation.resumed else "measuring into"
    notice(f"{doing}: {validation.run.folder}")
    try:
        _measure_and_replay(validation, warnings, options)
    except KeyboardInterrupt:
        raise KeyboardInterrupt("the same command goes on with it") from None


def _measure_and_replay(validation: ValidationRun, warnings: Warnings, options: RunOptions) -> None:
    with validation.alone(warnings.progress, options) as own:
        for summary in validation.measure(warnings.progress, own):
            warnings.add(failures_of(summary))
        warnings.progress.notice("mixed workload: every operation in turns")
        warnings.add(validation.replay(own))


def _own_points(path: Path, model: CostModelFile, warnings: Warnings) -> pa.Table:
    """Read the points of the run that the model at `path` lies in.

    Raises BadInput where it lies in none, or in one of another device.
    """
    run = Run(path.parent)
    if not isfile(run.plan_path):  # points alone, as an import leaves them
        return read_table(run.table("points"), "points")
    return _stored_points(run, model, warnings).table


def _points_beside(path: Path, others: pa.Table) -> pa.Table:
    """Read the points of the run that a model lies in; an empty table where there are none."""
    try:
        return read_table(Run(path.parent).table("points"), "points")
    except BadInput:  # the two runs are then compared by the predictions alone
        return others.slice(0, 0)


def _points_of(folder: str, model: CostModelFile, warnings: Warnings) -> pa.Table:
    """Read every point of another run as held out: the model's fit has seen none of them.

    Raises BadInput where it is the run that the model was built from, or of another device.
    """
    run = open_run(Path(folder))
    stored = _stored_points(run, model, warnings)
    if stored.sha256 in {model.points_sha256, *(one.points_sha256 for one in model.runs)}:
        raise BadInput(
            f"the model was built from the points of {folder}",
            hint="use --against holdout: its fit never saw the hold-out",
        )
    points = stored.table
    column = points.schema.get_field_index("role")
    held = pa.array([Role.HOLDOUT] * points.num_rows, type=pa.string())
    return points.set_column(column, points.schema.field("role"), held)


def _stored_points(run: Run, model: CostModelFile, warnings: Warnings) -> StoredTable:
    """Read the points of a run, parsed anew where they are stale.

    Raises BadInput where the model is of another device.
    """
    run.plan()  # refuses a run of an unknown version
    warnings.add(parse_if_stale(run))
    measured_on = read_document(run.provenance_path, Provenance).device_name
    if measured_on != model.provenance.device_name:
        raise BadInput(
            f"{run.folder} was measured on {measured_on}, the model on"
            f" {model.provenance.device_name}",
            hint="a model is held against measurements of the same device",
        )
    return read_stored(run.table("points"), "points")
