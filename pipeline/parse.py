"""Recordings to Parquet tables: those of a run, or of a single trace."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from ..energy.meter_clock import run_meter
from ..energy.per_launch import metered_loads
from ..energy.point_energies import PointEnergies
from ..energy.power_meter import PowerMeter
from ..energy.thermal_samples import thermal_samples
from ..parsers.messages import RECORD_AGAIN
from ..parsers.points import points_table, unmeasured_sizes
from ..parsers.recording_tables import recording_tables
from ..parsers.trace_file import parse_trace as trace_pieces
from ..profiler.power.meter_file import keep_meter
from ..profiler.report_export import exported
from ..store.disk.temporary import remove_abandoned_below
from ..store.errors import BadInput, naming, path_argument, shortened
from ..store.plan import Plan
from ..store.recorded.held import LeftOut, Recordings
from ..store.recorded.sources import INCOMPLETE
from ..store.recording import CollectorName, Recording
from ..store.run import Run, open_run
from ..store.tables.parquet import read_table
from ..store.tables.schemas import SCHEMAS
from ..store.tables.table_set import TableWriter, sources_of, writing_tables
from .disturbed import with_disturbances

_WITHOUT_CALLS: Final = (CollectorName.MIXED_WORKLOAD, CollectorName.THERMAL, CollectorName.METER)
_REASONS: Final = {"launches": "unattributed", "range_energies": "reason"}  # table to its column


@dataclass(frozen=True, slots=True)
class ParsedRun:
    """The tables of a run: their folder, the rows of each, and what to warn of."""

    tables: Path
    rows: Mapping[str, int]
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ParsedTrace:
    """The tables of a single trace: their folder, the rows of each, and what to warn of.

    `reasons` counts the rows of `launches` and `range_energies` by why they could not be attributed
    or measured; None is the key of those that were.
    """

    tables: Path
    rows: Mapping[str, int]
    reasons: Mapping[str, "Counter[str | None]"]
    warnings: tuple[str, ...]


def parse(run: Path | str, *, meter: Path | str | None = None) -> ParsedRun:
    """Write the tables of the run folder `run`, with an external meter's readings where given.

    `meter` is the CSV file of a power meter that recorded the run's power pass (docs/energy.md); it
    is copied into the run. Raises BadInput where `run` is no run or a file of it cannot be read.
    """
    opened = open_run(path_argument("run", run))
    if meter is not None:
        keep_meter(opened, path_argument("meter", meter))
    return parse_run(opened)


def parse_trace(source: Path | str, out: Path | str) -> ParsedTrace:
    """Write the tables of one trace of nsys, ncu or Kineto into the folder `out`.

    Tables of an earlier trace in `out` are replaced or removed. Raises BadInput where `source` is
    no trace or cannot be read.
    """
    file, out = path_argument("source", source), path_argument("out", out)
    reasons: dict[str, Counter[str | None]] = {}
    earlier = [name for name in SCHEMAS if (out / f"{name}.parquet").exists()]
    with naming(hint=RECORD_AGAIN), exported(file) as trace:
        pieces, warnings = trace_pieces(trace)
        with writing_tables(out) as tables:
            for name, piece in pieces:
                tables.write(name, piece)
                if name in _REASONS:
                    counts = _counted(piece.column(_REASONS[name]))
                    reasons[name] = reasons.get(name, Counter()) + counts
    removed = ", ".join(f"{name}.parquet" for name in earlier if name not in tables.rows)
    stale = [f"{out}: removed {removed} of an earlier trace"] if removed else []
    return ParsedTrace(out, dict(tables.rows), reasons, (*warnings, *stale))


def parse_run(run: Run) -> ParsedRun:
    """Write `tables/*.parquet` of a run from its recordings.

    The same recordings give the same bytes. `launches`, samples and `counters` are written where a
    recording made them. A recording that is damaged or cannot be read is left out, and the warnings
    say so. Raises BadInput where that is every one, or where they are of different machines.
    """
    remove_abandoned_below(run.folder)
    plan, sources_sha256 = run.plan(), run.sources_sha256()  # before: what lands later makes stale
    held = run.held(raw_files=True)
    recordings, left_out = list(held.recordings), list(held.left_out)
    while True:
        if left_out and not recordings:
            raise left_out[0].why
        sources = f"{sources_sha256}{INCOMPLETE if left_out else ''}"
        try:
            rows, warnings = _write_tables(run, plan, recordings, sources)
        except _Unreadable as fault:
            recordings = [one for one in recordings if one[0] != fault.left_out.folder]
            left_out.append(fault.left_out)
        else:
            tables = run.table("points").parent
            return ParsedRun(tables, rows, (*map(str, left_out), *held.remarks, *warnings))


class _Unreadable(Exception):
    """The raw files of one recording cannot be read."""

    def __init__(self, left_out: LeftOut) -> None:
        super().__init__(str(left_out))
        self.left_out = left_out


@contextmanager
def _reading(folder: Path) -> Iterator[None]:
    """Let a BadInput of the block cost the recording in `folder` alone."""
    try:
        yield
    except BadInput as why:
        raise _Unreadable(LeftOut(folder, why)) from why


def _write_tables(
    run: Run, plan: Plan, recordings: Recordings, sources_sha256: str
) -> tuple[Mapping[str, int], list[str]]:
    """Write all tables of a run; return the rows of each, and what to warn of.

    Raises _Unreadable for a recording that cannot be read, and writes nothing.
    """
    _check_one_machine([recording for _, recording in recordings])
    with writing_tables(run.table("points").parent, sources_sha256) as tables:
        calls, warnings = _write_calls(recordings, tables)
        power = _write_power(plan, recordings, tables)
        if power.sensor_gain is not None:
            warnings.append(str(power.sensor_gain))
        held = [recording for _, recording in recordings]
        points = with_disturbances(points_table(calls, held, plan, power), held)
        warnings += [*unmeasured_sizes(plan, points), *_lost(calls, points)]
        tables.write("points", points)
    rows = {name: tables.rows[name] for name in SCHEMAS if name in tables.rows}
    return rows, warnings


def _lost(calls: pa.Table, points: pa.Table) -> list[str]:
    """Say how many points failed, and how many calls took no time."""
    failed = points.filter(pc.is_valid(points["failure"]))
    warnings = []
    if failed.num_rows:
        first = failed.slice(0, 1).to_pylist()[0]
        warnings.append(
            f"{failed.num_rows} of {points.num_rows} points failed, as {first['scenario_key']}:"
            f" {first['failure']}"
        )
    latency_ns = pc.coalesce(calls["busy_ns"], calls["wall_ns"])
    zero = calls.filter(pc.equal(latency_ns, pa.scalar(0))).num_rows
    if zero:
        warnings.append(f"{zero} of {calls.num_rows} calls took 0 ns, and are untimed")
    return warnings


def tables_are_current(run: Run) -> bool:
    """Whether the run's tables are whole and made from its plan and recordings as they are now."""
    if sources_of(run.table("points").parent) != run.sources_sha256():
        return False
    try:
        read_table(run.table("points"), "points")
    except BadInput:
        return False
    return True


def parse_if_stale(run: Run) -> Sequence[str]:
    """Parse a run whose tables are not of its recordings; return what to warn of."""
    return () if tables_are_current(run) else parse_run(run).warnings


def _write_calls(recordings: Recordings, tables: TableWriter) -> tuple[pa.Table, list[str]]:
    """Write the tables of traces, timings and counters; return all calls and the warnings."""
    warnings: list[str] = []
    calls = [SCHEMAS["calls"].empty_table()]
    tables.write("calls", calls[0])
    for folder, recording in recordings:
        if recording.collector == CollectorName.POWER:
            continue
        if recording.collector in _WITHOUT_CALLS:
            warnings += _warnings_of(recording, ())
            continue
        with _reading(folder):
            pieces, found = recording_tables(folder, recording)
            for name, piece in pieces:
                tables.write(name, piece)
                if name == "calls":
                    calls.append(piece)
        warnings += _warnings_of(recording, found)
    return pa.concat_tables(calls), warnings


def _write_power(plan: Plan, recordings: Recordings, tables: TableWriter) -> PointEnergies:
    """Write the tables of the power logs; return the energies of the loads."""
    power, meter = PointEnergies(plan), _meter(recordings)
    for folder, recording in recordings:
        with _reading(folder):
            if recording.collector == CollectorName.POWER:
                loads, samples = metered_loads(folder, recording, meter)
                power.add(recording, loads)
                tables.write("power_samples", samples)
            if recording.collector == CollectorName.THERMAL:
                tables.write("thermal_samples", thermal_samples(folder, recording))
    return power


def _meter(recordings: Recordings) -> PowerMeter | None:
    """Read the run's external meter; None where it has none."""
    for folder, recording in recordings:
        if recording.collector == CollectorName.METER:
            with _reading(folder):
                return run_meter(recordings)
    return None


def _warnings_of(recording: Recording, found: Sequence[str]) -> list[str]:
    """List the warnings of a recording, each once, and its failed counters."""
    failures = recording.failures if recording.collector == CollectorName.NCU else ()
    reasons = [f"no counters of {failure.scenario_key}: {failure.reason}" for failure in failures]
    sentences = dict.fromkeys([*recording.warnings, *found, *reasons])
    return [f"{recording.unit}: {sentence}" for sentence in sentences]


def _check_one_machine(recordings: Sequence[Recording]) -> None:
    machines = sorted({recording.provenance.machine for recording in recordings})
    if len(machines) > 1:
        raise BadInput(
            f"the run mixes recordings of {len(machines)} machines: "
            + " and ".join(map(shortened, machines)),
            hint="make one run a machine",
        )


def _counted(values: Any) -> "Counter[str | None]":
    """Count each value of an Arrow column."""
    return Counter({one["values"]: one["counts"] for one in values.value_counts().to_pylist()})
