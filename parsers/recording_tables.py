"""One recording to the pieces of its tables."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from ..store.errors import BadInput
from ..store.recording import CollectorName, Recording, raw_file
from .calls import cpu_calls
from .kineto.trace import read_kineto
from .ncu.counters import read_ncu
from .nsys.trace import read_nsys
from .trace_tables import Piece, trace_tables

_RAW_ENDINGS: Final[dict[str, tuple[str, ...]]] = {
    CollectorName.NSYS: (".sqlite",),
    CollectorName.KINETO: (".json", ".json.gz"),
    CollectorName.NCU: (".csv",),
}


def recording_tables(folder: Path, recording: Recording) -> tuple[Iterable[Piece], Sequence[str]]:
    """Read one recording into the pieces of its tables; also return what to warn of.

    More warnings may come while the pieces are read.
    A recording without any timing has no pieces. Raises BadInput for a collector that this version
    does not know, and where a raw file is missing, changed or unreadable.
    """
    if recording.collector == CollectorName.CPU:
        return [("calls", cpu_calls(recording))], ()
    if recording.collector not in _RAW_ENDINGS:
        known = ", ".join(["cpu", *_RAW_ENDINGS])
        raise BadInput(
            f"{folder} was recorded with {recording.collector!r}, and this moeprof knows {known}",
            hint="parse it with the moeprof that recorded it",
        )
    if not recording.served:
        return [], ()
    path = _raw_path(folder, recording)
    if recording.collector == CollectorName.NCU:
        scenario = _only_scenario(folder, recording)
        counters = read_ncu(path, recording.unit, scenario)
        return [("counters", counters.table)], counters.warnings
    trace = read_nsys(path) if recording.collector == CollectorName.NSYS else read_kineto(path)
    on_gpu = recording.provenance.device != "cpu"
    return trace_tables(trace, recording.unit, on_gpu), trace.warnings


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
        raise BadInput(
            f"{folder} holds counters of {len(keys)} scenarios, not of one", hint=Recording.WAY_OUT
        )
    return keys.pop()
