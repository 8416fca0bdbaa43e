"""Files of traces, told apart by their content, to rows of steps and delays of requests."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

import numpy as np

from ...stats.arrays import Float64
from ...store.errors import BadInput
from ...store.serving.serving_row import ServingRow
from ..kineto.text import text_blocks
from .journeys import JourneyCollector
from .kv_events import KvEvents, is_kv_events, read_kv_events
from .otlp import Spans
from .queue_state import queue_states
from .request_rows import request_rows
from .step_rows import FIRST_STEPS, Origin, step_rows
from .step_table import is_step_table, read_step_table
from .steps import StepCollector

_PARQUET: Final = b"PAR1"
_ZSTD: Final = b"\x28\xb5\x2f\xfd"
_DIGITS: Final = 16
_MOST_OF_TABLE: Final = 10_000  # steps of a run that others have chosen are judged whole


class TraceKind(StrEnum):
    """What a file of a trace holds."""

    OTLP = "spans in OTLP JSON"
    KV_EVENTS = "events of a KV cache"
    STEP_TABLE = "steps in a Parquet table"


@dataclass(frozen=True, slots=True)
class TracedRequests:
    """n requests of one file; arrays have shape (n,), NaN where unknown.

    `engine` and `name` tell them from others. `columns` are the numbers of journeys.py and of
    queue_state.py.
    """

    name: tuple[str, ...]
    engine: tuple[str, ...]
    columns: dict[str, Float64]


@dataclass(frozen=True, slots=True)
class Traced:
    """What one file tells: rows of steps, requests, and notes, each with its count before it."""

    rows: list[ServingRow]
    requests: TracedRequests | None
    notes: dict[str, int]


def trace_kind(path: Path) -> TraceKind | None:
    """What a file holds; None where it is no trace. Raises BadInput where it cannot be read."""
    beginning = next(iter(text_blocks(path)), b"").lstrip()
    if beginning.startswith(_ZSTD):
        raise BadInput(f"{path} is packed by zstd", hint="unpack it first: zstd -d FILE")
    if beginning.startswith(_PARQUET):
        return TraceKind.STEP_TABLE if is_step_table(path) else None
    if b'"resourceSpans"' in beginning:
        return TraceKind.OTLP
    return TraceKind.KV_EVENTS if is_kv_events(beginning.split(b"\n", 1)[0]) else None


def read_traces(paths: Sequence[Path]) -> dict[Path, Traced]:
    """Read those of `paths` that are traces, of one deployment.

    A file of cache events tells how many tokens a block of the others has.
    Raises BadInput where a trace holds neither steps nor requests, and where cache events stand
    alone.
    """
    kinds = {path: kind for path in paths if (kind := trace_kind(path)) is not None}
    events = {
        path: read_kv_events(path) for path, kind in kinds.items() if kind is TraceKind.KV_EVENTS
    }
    if events and len(events) == len(paths):
        raise BadInput(
            f"{', '.join(map(str, events))}: events of a KV cache tell of no step by themselves",
            hint="name the trace of the steps beside them",
        )
    sizes = {one.block_tokens for one in events.values()} - {None}
    block_tokens = sizes.pop() if len(sizes) == 1 else None
    found = {}
    for path, kind in kinds.items():
        if kind is TraceKind.KV_EVENTS:
            found[path] = Traced([], None, _notes_of(events[path]))
        elif kind is TraceKind.OTLP:
            found[path] = _of_spans(path, block_tokens)
        else:
            found[path] = _of_table(path, block_tokens)
    return found


def _of_table(path: Path, block_tokens: int | None) -> Traced:
    table = read_step_table(path)
    origin = Origin(_digest(path), block_tokens, table.models, table.tp, _MOST_OF_TABLE)
    steps = step_rows(table.steps, origin)
    return Traced(steps.rows, None, dict(steps.left_out))


def _of_spans(path: Path, block_tokens: int | None) -> Traced:
    spans, steps, requests = Spans(path), StepCollector(), JourneyCollector()
    for span in spans:
        steps.take(span)
        requests.take(span)
    traced, journeys = steps.steps(), requests.journeys()
    if not len(traced) and not len(journeys):
        raise BadInput(
            f"{path} holds neither steps nor journeys of requests",
            hint="serve with --step-tracing-enabled and --enable-journey-tracing"
            " (docs/steptime.md, Traces)",
        )
    digest = _digest(path)
    rows = step_rows(traced, Origin(digest, block_tokens))
    means = [] if len(traced) else request_rows(journeys, digest)
    notes = Counter(rows.left_out)
    notes["spans left out: the file ends within it"] += spans.cut_short
    notes["lines left out: no OTLP JSON"] += spans.broken_lines
    notes["steps left out: without step.id"] += steps.without_id
    notes["requests left out: they failed"] += requests.failed
    columns = journeys.columns | queue_states(journeys, traced)
    warm = ~(columns["queued_step"] <= FIRST_STEPS)
    notes["requests left out: queued in the first 100 steps"] += int((~warm).sum())
    at = np.flatnonzero(warm)
    found = TracedRequests(
        name=tuple(f"{digest}:{place}" for place in at),
        engine=tuple(journeys.engine[place] for place in at),
        columns={name: values[at] for name, values in columns.items()},
    )
    return Traced(
        [*rows.rows, *means], found, {note: count for note, count in notes.items() if count}
    )


def _digest(path: Path) -> str:
    """What a file is known by: its content, gzipped or not."""
    found = hashlib.sha256()
    for block in text_blocks(path):
        found.update(block)
    return found.hexdigest()[:_DIGITS]


def _notes_of(events: KvEvents) -> dict[str, int]:
    """What the events of a cache tell, as notes."""
    notes = {f"events {kind} of the cache": count for kind, count in events.counts.items()}
    for media in dict.fromkeys(events.transfer_media):
        mine = np.asarray([name == media for name in events.transfer_media])
        took_us = np.median(events.transfer_us[mine])
        blocks = np.median(events.transfer_blocks[mine])
        notes[f"transfers from {media}: median {took_us:.0f} us, {blocks:.0f} blocks"] = int(
            mine.sum()
        )
    if events.broken_lines:
        notes["lines left out: no events"] = events.broken_lines
    return notes
