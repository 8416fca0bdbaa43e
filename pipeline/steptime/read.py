"""Read result files of benchmarks into a folder of measured rows."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ...costmodel.steptime.rows.gate import Refused
from ...costmodel.steptime.rows.public_table import judged_rows
from ...parsers.results.formats import read_results
from ...parsers.serving.traces import read_traces
from ...store.errors import naming
from ...store.files import read_bytes, write_whole
from ...store.serving.journeys_table import JourneyRow, append_journeys
from ...store.serving.rows_table import append_rows, check_rows
from ...store.serving.serving_row import STEP, ServingRow, columns_of_rows
from .folder import config_path, folder_models
from .journey_rows import journey_rows
from .model_names import named_models
from .stated import Stated, completed

_TRACE_ALL: Final = (
    "step.duration_us may be the time of the scheduler alone: trace each step, with"
    " --step-tracing-sample-rate 1.0, and name the file in OTLP JSON, so that the time from step to"
    " step is known"
)


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

    What a file states wins, and a result that is there twice is one row. Raises BadInput, and
    writes nothing, where a file is of no known format, says another thing than an option, or lacks
    what no option states; and where more than half of the rows cannot be true.
    """
    check_rows(out)
    models = folder_models(out)
    rows: dict[tuple[str, str], ServingRow] = {}
    journeys: dict[str, JourneyRow] = {}
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
        for row in found:
            name = named.names[row.model]
            rows[row.source, row.row_id] = completed(path, row, name, stated, models.get(name))
        if trace is not None and trace.requests is not None:
            any_row = ServingRow(source="", row_id="", engine="vllm", batch_kind=STEP)
            name = named.names[None]
            served = completed(path, any_row, name, stated, models.get(name))
            journeys |= {one.name: one for one in journey_rows(trace.requests, served)}
    with naming(_listed(paths)):
        _, judged = judged_rows(columns_of_rows(list(rows.values())), models)
        if any(row.batch_kind == STEP for row in rows.values()):
            judged.require_most(_TRACE_ALL)
        judged.require_most()
    for name, config in configs.items():
        write_whole(config_path(out, name), read_bytes(config))
    appended = append_rows(out, list(rows.values()))
    if journeys:
        append_journeys(out, list(journeys.values()))
    notes = Counter(note for row in rows.values() for note in row.note.split("; ") if note)
    return ReadRows(
        appended.added, appended.replaced, judged, dict(notes), dict(traced), len(journeys)
    )


def _listed(paths: list[Path]) -> str:
    """The files in a few words."""
    more = len(paths) - 1
    return str(paths[0]) if not more else f"{paths[0]} and {more} more"
