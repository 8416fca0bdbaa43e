"""Read result files of benchmarks into a folder of measured rows."""

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from ...costmodel.steptime.rows.gate import Refused
from ...costmodel.steptime.rows.public_table import judged_rows
from ...costmodel.steptime.rows.values import interval_is_step
from ...device.peaks import gpu_sheet
from ...parsers.results.formats import read_results
from ...parsers.serving.traces import read_traces
from ...store.errors import BadInput, shortened
from ...store.files import read_bytes, write_whole
from ...store.serving.journeys_table import JourneyRow, append_journeys
from ...store.serving.rows_table import append_rows
from ...store.serving.serving_row import STATIC, STEP, TOLD, ServingRow, columns_of_rows
from .folder import config_path, folder_models
from .journey_rows import journey_rows
from .model_names import named_models

_TOLERANCE: Final = 0.01  # two numbers of one quantity agree within it
# The option that states what a file leaves out, by the column of the row.
_OPTIONS: Final = {
    "gpu": "--gpu",
    "tp": "--tp",
    "ep": "--ep",
    "dp": "--dp",
    "precision": "--precision",
    "engine": "--engine",
    "engine_version": "--engine-version",
    "batch": "--batch",
    "isl": "--prompt",
    "osl": "--output",
}
_OF_REQUESTS: Final = frozenset({"batch", "isl", "osl"})  # which a single step has no need of
_TRACE_ALL: Final = (
    "step.duration_us may be the time of the scheduler alone: trace each step, with"
    " --step-tracing-sample-rate 1.0, and name the file in OTLP JSON, so that the time from step to"
    " step is known"
)
_LOWER: Final = ("precision", "engine")  # BF16 and vLLM are bf16 and vllm
_DEFAULTS: Final = {"ep": 1, "dp": 1, "engine_version": ""}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """What the user states of all files, by the columns of a row; None is unstated.

    `model` is a config.json, or the name of a model of the folder.
    """

    model: str | None = None
    gpu: str | None = None
    tp: int | None = None
    ep: int | None = None
    dp: int | None = None
    precision: str | None = None
    engine: str | None = None
    engine_version: str | None = None
    batch: float | None = None
    isl: float | None = None
    osl: float | None = None


@dataclass(frozen=True, slots=True)
class ReadRows:
    """What was read: rows that are new, and rows that took the place of the same measurement.

    `refused` tells which of them a fit leaves out, `notes` what is odd, with how many rows.
    `traced` are notes on traces, each with its count before it, `requests` those whose delays were
    read.
    """

    added: int
    replaced: int
    refused: Refused
    notes: dict[str, int]
    traced: dict[str, int]
    requests: int


def read_files(paths: list[Path], stated: Stated, out: Path) -> ReadRows:
    """Read files, and add their rows to the table of the folder `out`.

    What a file states wins. Raises BadInput, and writes nothing, where a file is of no known
    format, says another thing than an option, or lacks what no option states; and where more than
    half of the rows cannot be true.
    """
    models = folder_models(out)
    rows: list[ServingRow] = []
    journeys: list[JourneyRow] = []
    configs: dict[str, Path] = {}
    traces, traced = read_traces(paths), Counter[str]()
    for path in paths:
        trace = traces.get(path)
        found = read_results(path) if trace is None else trace.rows
        if trace is not None:
            traced.update(trace.notes)
            if not (found or trace.requests):
                continue
        published = [row.model for row in found] or [None]
        named = named_models(path, published, stated.model, models)
        if named.model is not None and named.config is not None:
            models[named.model.name] = named.model
            configs[named.model.name] = named.config
        rows += [_completed(path, row, named.names[row.model], stated) for row in found]
        if trace is not None and trace.requests is not None:
            any_row = ServingRow(source="", row_id="", engine="vllm", batch_kind=STEP)
            served = _completed(path, any_row, named.names[None], stated)
            journeys += journey_rows(trace.requests, served)
    _, judged = judged_rows(columns_of_rows(rows), models)
    if any(row.batch_kind == STEP for row in rows):
        judged.require_most(_TRACE_ALL)
    judged.require_most()
    for name, config in configs.items():
        write_whole(config_path(out, name), read_bytes(config))
    appended = append_rows(out, rows)
    if journeys:
        append_journeys(out, journeys)
    notes = Counter(note for row in rows for note in row.note.split("; ") if note)
    return ReadRows(
        appended.added, appended.replaced, judged, dict(notes), dict(traced), len(journeys)
    )


def _completed(path: Path, row: ServingRow, model: str, stated: Stated) -> ServingRow:
    """The row with what the options state, each checked against what the file says."""
    found: dict[str, Any] = {}
    is_step = row.batch_kind == STEP
    for column, option in _OPTIONS.items():
        if is_step and column in _OF_REQUESTS:
            continue
        said, told = getattr(row, column), getattr(stated, column)
        if said is not None and told is not None and not _agree(column, said, told):
            raise BadInput(
                f"{path} states {column} {_shown(said)}, and {option} is {_shown(told)}",
                hint=f"leave out {option}, or name the file that it belongs to",
            )
        value = _DEFAULTS.get(column) if said is None and told is None else said or told
        found[column] = str(value).casefold() if value and column in _LOWER else value
        if found[column] is None:
            raise BadInput(f"{path} does not state {column}", hint=f"give it with {option}")
    return _derived(replace(row, model=model, **found), row)


def _agree(column: str, said: Any, told: Any) -> bool:
    if column == "gpu":
        return gpu_sheet(said) is not None and gpu_sheet(said) is gpu_sheet(told)
    if isinstance(said, str):
        return said.casefold() == str(told).casefold()
    return bool(abs(said - told) <= _TOLERANCE * max(said, told))


def _shown(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else shortened(str(value))


def _derived(row: ServingRow, said: ServingRow) -> ServingRow:
    """Fill in what follows from the other columns."""
    throughput, tpot_ms = row.tput_tok_s, row.tpot_ms
    if throughput is None and row.requests_per_s and row.osl:
        throughput = row.requests_per_s * row.osl
    if tpot_ms is None and row.batch_kind == STATIC and row.e2e_ms and row.osl:
        tpot_ms = row.e2e_ms / row.osl
    elif tpot_ms is None and row.batch and throughput:
        tpot_ms = 1e3 * row.batch / throughput
    return replace(
        row,
        n_gpu=row.n_gpu or (row.tp or 1) * (row.dp or 1),
        batch_kind=row.batch_kind or (None if said.batch else TOLD),
        isl_assumed=said.isl is None and row.isl is not None,
        ctx=row.ctx or (row.isl or 0) + (row.osl or 0) / 2,
        itl_is_step=interval_is_step(row.itl_ms, tpot_ms),
        tpot_ms=tpot_ms,
        tput_tok_s=throughput,
    )
