"""A run's recordings as its tables: the stage `moeprof parse RUN`."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import pyarrow as pa

from ..energy.per_launch import metered_loads
from ..energy.point_energies import PointEnergies
from ..energy.run_meter import Held, run_meter
from ..energy.thermal_samples import thermal_samples
from ..store.errors import BadInput
from ..store.plan import Plan
from ..store.recording import CollectorName, Recording, raw_file
from ..store.run import Run
from ..store.table_schemas import SCHEMAS
from ..store.tables import TableWriter, read_table, writing_tables
from .cpu_calls import cpu_calls
from .kineto import read_kineto
from .ncu import read_ncu
from .nsys.trace import read_nsys
from .points import points_table, unmeasured_sizes
from .trace_tables import Piece, trace_tables

_TABLELESS: Final = (
    CollectorName.MIXED_WORKLOAD,
    CollectorName.THERMAL,
    CollectorName.METER,
)  # whose recordings hold neither calls nor counters
_RAW_ENDINGS: Final[dict[str, tuple[str, ...]]] = {
    CollectorName.NSYS: (".sqlite",),
    CollectorName.KINETO: (".json", ".json.gz"),
    CollectorName.NCU: (".csv",),
}


def parse_run(run: Run) -> list[str]:
    """Write `tables/*.parquet` of a run from its recordings, and return what to warn of.

    `launches`, samples and `counters` are written where a recording made them, and removed
    where none does. The same recordings give the same bytes. Raises BadInput where a raw file is
    missing, changed or unreadable, or where the recordings are of different machines.
    """
    plan, recordings = run.plan(), run.recordings()
    _check_one_machine([recording for _, recording in recordings])
    with writing_tables(run.table("points").parent) as tables:
        calls, warnings = _write_calls(recordings, tables)
        power = _write_power(plan, recordings, tables)
        gain = power.sensor_gain
        if gain is not None:
            warnings.append(str(gain))
        points = points_table(calls, [recording for _, recording in recordings], plan, power)
        warnings += unmeasured_sizes(plan, points)
        tables.write("points", points)
    for name in SCHEMAS.keys() - tables.rows.keys():
        run.table(name).unlink(missing_ok=True)
    return warnings


def _write_calls(held: Held, tables: TableWriter) -> tuple[pa.Table, list[str]]:
    """Write the tables of what was traced, timed or counted; give all calls and what to warn of."""
    warnings: list[str] = []
    calls = [SCHEMAS["calls"].empty_table()]
    tables.write("calls", calls[0])
    for folder, recording in held:
        if recording.collector == CollectorName.POWER:
            continue
        if recording.collector in _TABLELESS:
            warnings += _about(recording, ())
            continue
        pieces, doubts = recording_tables(folder, recording)
        warnings += _about(recording, doubts)
        for name, piece in pieces:
            tables.write(name, piece)
            if name == "calls":
                calls.append(piece)
    return pa.concat_tables(calls), warnings


def _write_power(plan: Plan, held: Held, tables: TableWriter) -> PointEnergies:
    """Write the tables of the sensors' logs; give the energy of the loads."""
    power, meter = PointEnergies(plan), run_meter(held)
    for folder, recording in held:
        if recording.collector == CollectorName.POWER:
            loads, samples = metered_loads(folder, recording, meter)
            power.add(recording, loads)
            tables.write("power_samples", samples)
        if recording.collector == CollectorName.THERMAL:
            tables.write("thermal_samples", thermal_samples(folder, recording))
    return power


def tables_are_current(run: Run) -> bool:
    """Whether the run's points can be read and are newer than its plan and every recording."""
    try:
        read_table(run.table("points"), "points")
    except BadInput:
        return False
    made_ns = run.table("points").stat().st_mtime_ns
    sources = [run.plan_path, *run.folder.glob("raw/*/*/recording.json")]
    return all(source.stat().st_mtime_ns < made_ns for source in sources)


def recording_tables(folder: Path, recording: Recording) -> tuple[Iterable[Piece], tuple[str, ...]]:
    """Pieces of one recording's tables and what to warn of; a unit that served nothing has none.

    Raises BadInput for a collector that this version does not know.
    """
    if recording.collector == CollectorName.CPU:
        return [("calls", cpu_calls(recording))], ()
    if recording.collector not in _RAW_ENDINGS:
        known = ", ".join(["cpu", *_RAW_ENDINGS])
        raise BadInput(
            f"{folder} was recorded with {recording.collector!r}, and this moeprof knows {known}"
        )
    if not recording.served:
        return [], ()
    path = _raw_path(folder, recording)
    if recording.collector == CollectorName.NCU:
        scenario = _only_scenario(folder, recording)
        return [("counters", read_ncu(path, recording.unit, scenario))], ()
    trace = read_nsys(path) if recording.collector == CollectorName.NSYS else read_kineto(path)
    on_gpu = recording.provenance.device != "cpu"
    return trace_tables(trace, recording.unit, on_gpu), trace.warnings


def _about(recording: Recording, doubts: tuple[str, ...]) -> list[str]:
    """List what to warn of: failures of counters too, which no row of `points` tells."""
    failures = recording.failures if recording.collector == CollectorName.NCU else ()
    reasons = [f"no counters of {failure.scenario_key}: {failure.reason}" for failure in failures]
    sentences = dict.fromkeys([*recording.warnings, *doubts, *reasons])
    return [f"{recording.unit}: {sentence}" for sentence in sentences]


def _raw_path(folder: Path, recording: Recording) -> Path:
    endings = _RAW_ENDINGS[recording.collector]
    names = sorted(name for name in recording.files if name.endswith(endings))
    if len(names) != 1:
        raise BadInput(
            f"{folder} holds {len(names)} files that end in {' or '.join(endings)}, not one",
            hint="profile again, or resume the run with --resume",
        )
    return raw_file(folder, recording, names[0])


def _only_scenario(folder: Path, recording: Recording) -> str:
    keys = {served.scenario_key for served in recording.served}
    if len(keys) != 1:
        raise BadInput(f"{folder} holds counters of {len(keys)} scenarios, not of one")
    return keys.pop()


def _check_one_machine(recordings: Sequence[Recording]) -> None:
    machines = sorted({recording.provenance.machine for recording in recordings})
    if len(machines) > 1:
        raise BadInput(
            f"the run mixes recordings of {len(machines)} machines: {' and '.join(machines)}",
            hint="make one run a machine",
        )
