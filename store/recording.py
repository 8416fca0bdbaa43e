"""A recording: the raw files that a collector wrote for one unit of work, and how it made them."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from os.path import lexists
from pathlib import Path
from typing import ClassVar, Final, Literal

from .document import Amount, Count, Name, Small
from .errors import BadInput
from .files import cannot_read, refuse_irregular
from .provenance import Provenance, Surroundings
from .scenario import Scenario
from .text.shareable import share

# Matches the names that `call_range` makes; in syntax that Python's re and Arrow's RE2 share.
CALL_RANGE: Final = r"(?s)^(?P<key>.+)#(?P<visit>[0-9]{1,9})\.(?P<call>[0-9]{1,9})$"


MOST_CALLS: Final = 1_000_000  # a sweep of 30 sizes has 12,000
MOST_LOST_CALLS: Final = 0.1  # share of calls that a clock or a tracer may lose by chance


class CollectorName(StrEnum):
    """What made a recording, as its `collector` and its folder under `raw/` name it.

    `cpu`, `kineto` and `nsys` take times; the times of `ncu` are never a latency. `power` is a
    steady load, `thermal` the thermal response and `replay` a mixed workload, each with a log of
    the sensors; `meter` is the file of an external power meter.
    """

    CPU = "cpu"
    KINETO = "kineto"
    NSYS = "nsys"
    NCU = "ncu"
    POWER = "power"
    THERMAL = "thermal"
    MIXED_WORKLOAD = "replay"
    METER = "meter"


_TIMING: Final = (CollectorName.CPU, CollectorName.NSYS, CollectorName.KINETO)
# Endings of the one raw file that is read; the collectors that are not here have none, or several.
_READ: Final[Mapping[str, tuple[str, ...]]] = {
    CollectorName.NSYS: (".sqlite",),
    CollectorName.KINETO: (".json", ".json.gz"),
    CollectorName.NCU: (".csv",),
    CollectorName.POWER: ("power.csv",),
    CollectorName.THERMAL: ("power.csv",),
}
_EXPORTED: Final = ".nsys-rep"  # ending of a raw file from which the one that is read was made


@dataclass(frozen=True, slots=True)
class Failure:
    """A point that could not be measured, with the reason in words; `visit` is its repeat."""

    scenario_key: str
    visit: Small
    reason: str

    def __post_init__(self) -> None:
        share(self, "reason")


@dataclass(frozen=True, slots=True)
class PointTiming:
    """Times of one repeat of a point, as its isolated script reports them.

    `visit` is the repeat: how often this size was measured before. `calls` is the number of timed
    calls, each in a profiler range `call_range(key, visit, call)` inside one range named by the
    key. `calls_ns` are the times of the calls on the script's own clock (with a GPU, including a
    synchronisation): they are the measurement of the `cpu` collector. `device_ns` are the times of
    further calls by the GPU's own events, without the launches that hide a short kernel from the
    host; none on a CPU, or where the operation waits for the GPU itself. `launch_ns` is the time
    that the host took to launch one of these, None on a CPU. `cut_short` says that the budget ended
    before all calls were made. `surroundings` are those of this time, None where nobody looked.
    `reference_ns` are times of the reference, the same fixed work in every script, just before and
    just after the calls: no calls of the operation, and in no range. On a GPU there are two, each
    the mean of a few. None in recordings before 1.5.
    """

    scenario_key: str
    visit: Small
    calls: Small
    calls_ns: tuple[Count, ...]
    started_utc_ns: Count
    ended_utc_ns: Count
    surroundings: Surroundings | None = None
    device_ns: tuple[Count, ...] = ()
    launch_ns: Count | None = None
    cut_short: bool = False
    reference_ns: tuple[Count, ...] = ()

    @property
    def deciding_ns(self) -> tuple[int, ...]:
        """The times by which the next size is chosen: those of the GPU, else those of the host."""
        return self.device_ns or self.calls_ns


@dataclass(frozen=True, slots=True)
class Load:
    """One steady load while power was recorded, as its isolated script reports it.

    `kind` is "operation", or one without `scenario_key`: "reference" is the same work in the script
    of every operation, "idle" does nothing, "empty" (recorded by older versions) launched kernels
    that do nothing. `launches[i]` calls had ended at
    `marks_ns[i]` (CLOCK_MONOTONIC), beginning with 0. `duty` is the share of that time in which the
    device worked, None where it was idle. Calls are launched in graph replays of `replay_s` each,
    or one by one for the `eager_reason`. Inputs rotate over `rotated_bytes`.

    Raises ValueError where the two are empty, of different length or descend.
    """

    kind: Literal["operation", "reference", "idle", "empty"]
    scenario_key: str | None
    visit: Small
    marks_ns: tuple[Count, ...]
    launches: tuple[Count, ...]
    duty: Amount | None = None
    replay_s: Amount | None = None
    eager_reason: str | None = None
    rotated_bytes: Count = 0
    surroundings: Surroundings | None = None

    def __post_init__(self) -> None:
        share(self, "eager_reason")
        if len(self.marks_ns) != len(self.launches):
            raise ValueError(
                f"has {len(self.marks_ns)} marks_ns and {len(self.launches)} launches, one for each"
            )
        for name in ("marks_ns", "launches"):
            values = getattr(self, name)
            if any(later < earlier for earlier, later in pairwise(values)):
                raise ValueError(f"has {name} that do not ascend")
        if not self.marks_ns:
            raise ValueError("has no marks_ns, and a load has a begin and an end")


@dataclass(frozen=True, slots=True)
class Recording:
    """One unit of work of one collector.

    A unit is a point for `cpu` and `ncu`, a process for `nsys` and `kineto`, a load for `power`.
    `served` are the measured points, `failures` the others. `files` maps the name of each raw file
    beside `recording.json` to its sha256. `command` is what was run, with paths relative to the
    run. A unit that failed as a whole has no files and a Failure for each of its points.
    """

    # History, newest first. 1.5: the reference beside each visit. 1.4: variants of scenarios. 1.3:
    # launch times, visits that were cut short. 1.2: surroundings, reference loads, times by the
    # GPU. 1.1: loads. 1.0: the first.
    SCHEMA: ClassVar[str] = "moeprof.recording/1.5"
    WAY_OUT: ClassVar[str] = "restore it, or measure it anew with --resume"

    unit: Name
    op: str
    collector: Name
    tool: str
    tool_version: str
    command: tuple[str, ...]
    exit_code: int | None
    started_utc_ns: Count
    ended_utc_ns: Count
    scenarios: tuple[Scenario, ...]
    served: tuple[PointTiming, ...]
    failures: tuple[Failure, ...]
    warnings: tuple[str, ...]
    files: dict[Name, str]
    provenance: Provenance
    loads: tuple[Load, ...] = ()

    def __post_init__(self) -> None:
        share(self, "tool_version", "command", "warnings")
        calls = sum(len(timing.calls_ns) for timing in self.served)
        if calls > MOST_CALLS:
            raise ValueError(f"has {calls} calls_ns, and a recording has at most {MOST_CALLS}")
        repeats = {(timing.scenario_key, timing.visit) for timing in self.served}
        if len(repeats) < len(self.served):
            raise ValueError("times a repeat of a scenario twice")
        if self.collector == CollectorName.NCU and len(repeats) > 1:
            raise ValueError(f"holds counters of {len(repeats)} scenarios, not of one")
        for timing in self.served if self.collector in _TIMING else ():
            _check_times(timing, self.collector)

    @property
    def surroundings(self) -> list[Surroundings | None]:
        """What went on beside each repeat and each load, idle ones too."""
        of_repeats = [timing.surroundings for timing in self.served]
        return of_repeats + [load.surroundings for load in self.loads]


def _check_times(timing: PointTiming, collector: str) -> None:
    """Raise ValueError where the times of calls are not those of a measured repeat."""
    calls = len(timing.calls_ns)
    if not calls or calls != timing.calls:
        raise ValueError(f"has {calls} calls_ns for {timing.calls} calls")
    # Under a tracer the times are in the trace.
    if collector == CollectorName.CPU and timing.calls_ns.count(0) > MOST_LOST_CALLS * calls:
        raise ValueError(f"has {timing.calls_ns.count(0)} calls_ns of 0, of {calls}")


def call_range(key: str, visit: int, call: int) -> str:
    """Name of the profiler range around one timed call.

    >>> call_range("gelu-b4-1024-fp32-cold", 0, 7)
    'gelu-b4-1024-fp32-cold#0.7'
    """
    return f"{key}#{visit}.{call}"


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's content, in hex. Raises BadInput where it cannot be read."""
    refuse_irregular(path)
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise cannot_read(path, error) from error


def read_file(folder: Path, recording: Recording) -> str | None:
    """Name of the raw file that holds what was measured; None where the recording has none.

    Raises BadInput where a recording that measured something does not name one such file.
    """
    endings = _READ.get(recording.collector, ())
    measured = recording.served or (recording.loads and not recording.failures)
    if not endings or not measured:
        return None
    names = [name for name in recording.files if name.endswith(endings)]
    if len(names) != 1:
        raise BadInput(
            f"{folder / 'recording.json'} names {len(names)} files that end in"
            f" {' or '.join(endings)}, not one",
            hint=Recording.WAY_OUT,
        )
    return names[0]


def is_spared(folder: Path, name: str) -> bool:
    """Whether a raw file is gone that nobody reads: a report of nsys, whose export is there."""
    return name.endswith(_EXPORTED) and not lexists(folder / name)


def raw_file(folder: Path, recording: Recording, name: str) -> Path:
    """Check a raw file of a recording against its sha256; return its path.

    Raises BadInput where the recording names no such file, it is missing or its sha256 differs.
    """
    path = folder / name
    if name not in recording.files:
        raise BadInput(
            f"{folder / 'recording.json'} names no file {name!r}", hint=Recording.WAY_OUT
        )
    if not lexists(path):
        raise BadInput(f"{path} is missing, though its recording names it", hint=Recording.WAY_OUT)
    if sha256_of(path) != recording.files[name]:
        raise BadInput(
            f"{path} is not the file that was recorded: its sha256 differs",
            hint=Recording.WAY_OUT,
        )
    return path
