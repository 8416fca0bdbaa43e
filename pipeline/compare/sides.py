"""What OLD or NEW names: a run, a model, or the document that a benchmark wrote."""

import hashlib
import json
from dataclasses import replace
from os.path import isfile, lexists
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from ...compare.regression.conditions import clock_policy, conditions_of
from ...compare.regression.from_benchmark import side_of_benchmark
from ...compare.regression.from_model import side_of_model
from ...compare.regression.from_points import side_of_points
from ...compare.regression.side import Side
from ...costmodel.freshness import stale_sentence
from ...costmodel.model import KernelCostModel
from ...store.cost_model import CostModelFile
from ...store.document import MOST_BYTES, read_document
from ...store.errors import BadInput
from ...store.files import around, has_file, has_folder, read_text
from ...store.provenance import Provenance
from ...store.run import Run, model_file, open_run
from ...store.tables.parquet import read_stored, read_table
from ...store.verdicts.comparison import Kind
from ..measure.progress import Warnings
from ..parse import parse_if_stale

_MODEL: Final = CostModelFile.SCHEMA.partition("/")[0]


def read_side(path: Path, warnings: Warnings) -> tuple[Kind, Side]:
    """Read what `path` names, and whether it is of runs or of benchmarks.

    Raises BadInput where it is no run, no model and no document of a benchmark.
    """
    if has_folder(path):
        if isfile(Run(path).plan_path):
            return "runs", _of_run(open_run(path), warnings)
        return "runs", _of_model(model_file(path), warnings)
    if not lexists(path):
        raise BadInput(
            f"there is no {path}, neither a folder nor a file",
            hint="name a run, a model or a benchmark's JSON; two git revisions need --ops FILE",
        )
    content = read_text(path, MOST_BYTES)
    body = _json_object(path, content)
    if str(body.get("schema", "")).startswith(_MODEL):
        return "runs", _of_model(path, warnings)
    digest = hashlib.sha256(content.encode()).hexdigest()
    return "benchmarks", side_of_benchmark(str(path), digest, body)


def _of_run(run: Run, warnings: Warnings) -> Side:
    """Take the points of a run, parsed anew where they are stale, and the heat of its model."""
    plan = run.plan()  # refuses a run of an unknown version
    warnings.add(parse_if_stale(run))
    provenance = read_document(run.provenance_path, Provenance)
    stored = read_stored(run.table("points"), "points")
    clocks = {} if provenance.gpu is None else clock_policy(plan.sm_clock_mhz)
    conditions = conditions_of(provenance) | clocks
    launches = _launches(run)
    side = side_of_points(str(run.folder), stored.sha256, stored.table, conditions, launches)
    return _with_heat(side, run, warnings) if has_file(run.model_path) else side


def _launches(run: Run) -> pa.Table | None:
    path = run.table("launches")
    return read_table(path, "launches") if isfile(path) else None


def _with_heat(side: Side, run: Run, warnings: Warnings) -> Side:
    """Add the rise in temperature, which is in the model of a run and not in its points."""
    model = _of_model(run.model_path, warnings)
    heat = {place: one for place, one in model.values["heat"].items() if place[0] in side.ops}
    sources = {key: source for key, source in model.sources.items() if key[0] == "heat"}
    reasons = {**side.reasons, "heat": model.reasons.get("heat", "not in its model")}
    return replace(
        side,
        values={**side.values, "heat": heat},
        sources={**side.sources, **sources},
        reasons=reasons,
    )


def _of_model(path: Path, warnings: Warnings) -> Side:
    model = KernelCostModel.load(path)
    warnings.add(filter(None, [stale_sentence(path, model.file)]))
    return side_of_model(str(path), model, conditions_of(model.file.provenance))


def _json_object(path: Path, content: str) -> dict[str, Any]:
    try:
        body = json.loads(content)
        json.dumps(body, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise BadInput(
            f"{path} holds the text {around(error)}, which is not UTF-8",
            hint="escape no half of a surrogate pair: write the benchmark's results anew",
        ) from error
    except (ValueError, RecursionError) as error:
        body = error
    if not isinstance(body, dict):
        raise BadInput(
            f"{path} is no JSON object, and so neither a model nor a benchmark's document",
            hint="name a run, a model, or what a benchmark wrote with --json",
        )
    return body
