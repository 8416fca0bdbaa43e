"""Every snapshot of a source, one after another, through losses of the device and their ends."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from ...store.errors import CannotMeasure
from .observer import Observer, lost
from .pressure import PressureLimits
from .snapshot import MonitorState, Snapshot
from .source import Pace, Source

_RETRY_NS: Final = 1_000_000_000
_NS: Final = 1e9


def watched(
    source: Source, limits: PressureLimits, pace: Pace, before: Snapshot
) -> Iterator[Snapshot]:
    """Snapshots until the monitor is to stop, or a recording is at its end, which is the last.

    Where the source cannot be read, for whatever reason, the snapshot is LOST and says why, and
    once a second it is tried again.
    """
    while not pace.wait_until(0):
        observer = Observer(source.device, limits)
        try:
            for rows in source.rounds(pace):
                before = observer.snapshot(rows, before)
                yield before
        except CannotMeasure as refusal:
            why = refusal.message
        except Exception as fault:  # a driver's or a binding's: a monitor lives on
            why = f"{type(fault).__name__}: {fault}"
        else:
            if not pace.wait_until(0):
                yield in_state(before, MonitorState.ENDED, pace.now_ns() / _NS)
            return
        before = lost(pace.now_ns() / _NS, why, before)
        yield before
        pace.wait_until(pace.now_ns() + _RETRY_NS)


def in_state(
    before: Snapshot, state: MonitorState, since_s: float, reason: str | None = None
) -> Snapshot:
    """The values of a snapshot in another state, without its pressures: nobody acts on old ones."""
    return replace(
        before,
        state=state,
        since_s=since_s,
        reason=reason,
        thermal_pressure=None,
        power_pressure=None,
    )
