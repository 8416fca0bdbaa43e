"""One recording to the pieces of its tables."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from ..store.errors import BadInput
from ..store.recording import CollectorName, Recording, raw_file, read_file
from ..store.tables.kept import kept_tables
from .calls import cpu_calls
from .kineto.trace import read_kineto
from .ncu.counters import read_ncu
from .nsys.trace import read_nsys
from .trace_tables import Piece, trace_tables

_TRACED: Final = (CollectorName.NSYS, CollectorName.KINETO, CollectorName.NCU)


def recording_tables(folder: Path, recording: Recording) -> tuple[Iterable[Piece], Sequence[str]]:
    """Read one recording into the pieces of its tables; also return what to warn of.

    More warnings may come while the pieces are read. Where the sweep kept the tables of a trace,
    they are taken, and what to warn of is in the recording.
    A recording without any timing has no pieces. Raises BadInput for a collector that this version
    does not know, and where a raw file is missing, changed or unreadable.
    """
    if recording.collector == CollectorName.CPU:
        return [("calls", cpu_calls(recording))], ()
    if recording.collector not in _TRACED:
        known = ", ".join(["cpu", *_TRACED])
        raise BadInput(
            f"{folder} was recorded with {recording.collector!r}, and this moeprof knows {known}",
            hint="parse it with the moeprof that recorded it",
        )
    name = read_file(folder, recording)
    if name is None:
        return [], ()
    path = raw_file(folder, recording, name)
    if recording.collector == CollectorName.NCU:
        counters = read_ncu(path, recording.unit, recording.served[0].scenario_key)
        return [("counters", counters.table)], counters.warnings
    kept = kept_tables(folder, recording.files[name])
    if kept is not None:
        return kept, ()
    trace = read_nsys(path) if recording.collector == CollectorName.NSYS else read_kineto(path)
    on_gpu = recording.provenance.device != "cpu"
    return trace_tables(trace, recording.unit, on_gpu), trace.warnings
