"""The clock of an nsys session: from the times that an export holds to ns since the Unix epoch.

nsys counts from the start of the session. `nsys export --ts-shift` and `--ts-normalize` add one
constant to the times of every table but TARGET_INFO_SESSION_START_TIME, and write its sum as
EXPORT_CONFIG_TIME_SHIFT (tried with nsys 2024.2.3; exporters before 2023 can do neither). That
version leaves the sampled quantities, GPU_METRICS and GENERIC_EVENTS, as they are.
"""

import re
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from ...stats.arrays import Int64
from ..events import int64_column
from ..messages import TraceWarning
from .export import NsysExport

SHIFT: Final = "EXPORT_CONFIG_TIME_SHIFT"
# The two options that SHIFT sums up; for an export that has them without it.
ASKED_SHIFT: Final = "EXPORT_PARAM_TIME_SHIFT"
NORMALISED: Final = "EXPORT_PARAM_TIME_NORMALIZE"

SAMPLE_TABLES: Final = ("GPU_METRICS", "GENERIC_EVENTS")
SAMPLE_TIME: Final = "timestamp|rawTimestamp"  # timestamp is null in an export by nsys 2022

MAX_SESSION_NS: Final = 366 * 86_400 * 10**9  # no session lasts a year
_CHECKED_ROWS: Final = 100
_NEAR: Final = 0.1  # share of the shift within which a first time is near to a zero
_NO_TIME: Final = -1  # what NsysExport.spread gives for null
_NANOSECONDS: Final = re.compile(r"[+-]?[0-3]?[0-9]{1,18}")  # two of them add up in int64
_LATEST_NS: Final = 4 * 10**18  # in the year 2096


@dataclass(frozen=True, slots=True)
class SessionClock:
    """`shift_ns` is what the exporter added to each time; `epoch_ns` the session's start, or 0."""

    shift_ns: int
    epoch_ns: int

    def since_start(self, exported_ns: Int64) -> Int64:
        """Session time of times in the export, int64 [n] in ns."""
        return exported_ns - np.int64(self.shift_ns) if self.shift_ns else exported_ns

    def in_session(self, session_ns: Int64) -> "npt.NDArray[np.bool_]":
        """Whether session times, int64 [n] in ns, may be of one session, before its start too."""
        return (session_ns >= -MAX_SESSION_NS) & (session_ns <= MAX_SESSION_NS)

    def since_epoch(self, session_ns: Int64) -> Int64:
        """Times since the epoch, or since the session's start where that is not known."""
        return session_ns + np.int64(self.epoch_ns)


def session_clock(export: NsysExport) -> SessionClock:
    """Read the clock of an export; where a part is not known, a warning says so."""
    metadata = export.metadata()
    shift_ns, asked_ns = (_nanoseconds(metadata.get(name)) for name in (SHIFT, ASKED_SHIFT))
    normalised, epoch_ns = metadata.get(NORMALISED) == "true", _session_start_ns(export)
    if epoch_ns is None and shift_ns is not None and normalised:
        epoch_ns = shift_ns - (asked_ns or 0)
    if shift_ns is None and (asked_ns is not None or normalised):
        shift_ns = (asked_ns or 0) + (epoch_ns or 0) * normalised
    if epoch_ns is None:
        export.warnings.append(
            f"{export.path.name} {TraceWarning.NO_SESSION_START}: its times count from its start"
        )
    if shift_ns is None:
        shift_ns = _guarded_shift_ns(export, metadata.get(SHIFT), epoch_ns or 0)
    return SessionClock(shift_ns, epoch_ns or 0)


def sampled_clock(export: NsysExport, clock: SessionClock) -> SessionClock:
    """The clock of GPU_METRICS and GENERIC_EVENTS, to which the exporter may not add the shift.

    Sampling begins where the session does, so the shift was added if their first time is nearer to
    it than to 0. Where that time is near to neither, a warning says so, and the shift counts as not
    added, as by nsys 2024.2.3.
    """
    rows = (export.spread(table, [SAMPLE_TIME], _CHECKED_ROWS) for table in SAMPLE_TABLES)
    times = np.concatenate([each[:, 0] for each in rows])
    times = times[times != _NO_TIME]
    if not clock.shift_ns or not len(times):
        return clock
    from_start, from_shift = (abs(int(times.min()) - zero) for zero in (0, clock.shift_ns))
    is_near = min(from_start, from_shift) <= _NEAR * abs(clock.shift_ns)
    if not is_near:
        export.warnings.append(
            f"{export.path.name}: {TraceWarning.UNSURE_SAMPLE_TIMES} {clock.shift_ns} ns"
        )
    return clock if is_near and from_shift < from_start else replace(clock, shift_ns=0)


def _guarded_shift_ns(export: NsysExport, said: str | None, epoch_ns: int) -> int:
    """Shift of an export that does not say it: 0, or `epoch_ns` where its times are since then."""
    if epoch_ns and _counts_from(export, epoch_ns):
        export.warnings.append(
            f"{export.path.name} has no {SHIFT}, and {TraceWarning.TIMES_SINCE_EPOCH}"
        )
        return epoch_ns
    if said is not None:
        export.warnings.append(
            f"{export.path.name}: {SHIFT} is {said[:40]!r} {TraceWarning.UNKNOWN_SHIFT}"
        )
    return 0


def _counts_from(export: NsysExport, epoch_ns: int) -> bool:
    """Whether the starts of some kernels, else of some ranges, are all within a year of a date."""
    for table in ("CUPTI_ACTIVITY_KIND_KERNEL", "NVTX_EVENTS"):
        starts = export.spread(table, ["start"], _CHECKED_ROWS)
        starts = starts[starts > 0]
        if len(starts):
            return bool((np.abs(starts - epoch_ns) < MAX_SESSION_NS).all())
    return False


def _session_start_ns(export: NsysExport) -> int | None:
    starts = export.read("TARGET_INFO_SESSION_START_TIME", ["utcEpochNs"])
    known = int64_column(starts, "utcEpochNs", missing=0)
    return int(known[0]) if len(known) and 0 < known[0] < _LATEST_NS else None


def _nanoseconds(text: str | None) -> int | None:
    return int(text) if text is not None and _NANOSECONDS.fullmatch(text.strip()) else None
