"""Before anything is measured: whether the device is free, and whether it is quiet."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Final

from ...device.findings import IN_DOUBT, described, findings
from ...profiler.host_clock import SYSTEM_CLOCK, Clock, monotonic_s, sleep_s
from ...profiler.lock import Locks, SweepRunning, device_lock
from ...profiler.watch import BesideSweep, Watch, look_around, watch_of
from ...scenarios.run_options import RunOptions
from ...store.provenance import Gpu, Surroundings
from .progress import RunProgress

_WAIT_HINT: Final = "; --wait 10m waits for quiet"
_AGAIN_S: Final = 2.0  # between two looks
_SAY_S: Final = 60.0  # between two notices of what is waited for


@dataclass(frozen=True, slots=True)
class OwnDevice:
    """A device that this process measures: the descriptors of its locks, and a watch of it.

    There are no locks where it is measured beside another sweep.
    """

    locks: Locks
    watch: Watch


class Patience:
    """The time that is left to wait, and what is said meanwhile."""

    def __init__(
        self, wait_s: float | None, progress: RunProgress, clock: Clock = SYSTEM_CLOCK
    ) -> None:
        self.clock = clock
        self._progress = progress
        self._end_s = monotonic_s(clock) + (wait_s or 0.0)
        self._say_next_s = 0.0

    def wait(self, reason: str) -> bool:
        """Wait a moment, and say now and then what for; False at once where the time is up."""
        now_s = monotonic_s(self.clock)
        if now_s >= self._end_s:
            return False
        if now_s >= self._say_next_s:
            self._progress.notice(f"waiting {self._end_s - now_s:.0f} s at most: {reason}")
            self._say_next_s = now_s + _SAY_S
        sleep_s(self.clock, min(_AGAIN_S, self._end_s - now_s))
        return True


@contextmanager
def own_device(
    gpu: Gpu | None,
    run_id: str,
    progress: RunProgress,
    options: RunOptions,
    clock: Clock = SYSTEM_CLOCK,
) -> Iterator[OwnDevice]:
    """Hold a GPU, None for the CPU, in the block; first wait until it is free and quiet.

    `options` say how long to wait at most, and whether to measure beside another sweep. What is not
    quiet by then is measured all the same, with a warning. Raises SweepRunning
    where another process still measures the device.
    """
    patience = Patience(options.wait_s, progress, clock)
    with ExitStack() as stack:
        watch = stack.enter_context(watch_of(gpu))
        try:
            locks = _lock(stack, gpu, run_id, patience)
        except SweepRunning as other:
            if not options.force:
                raise _refusal(other, options) from other
            progress.warning(f"{other.message}; measuring beside it: every point is flagged")
            locks, watch = (), BesideSweep(watch)
        seen = await_quiet(watch, patience)
        tell(seen, progress, hint=not options.force and options.wait_s is None)
        yield OwnDevice(locks, watch)


def _refusal(other: SweepRunning, options: RunOptions) -> SweepRunning:
    """The refusal beside another sweep, with the ways out that were not tried yet."""
    beside = "--force measures beside it, and flags every point"
    wait = "" if options.wait_s else "--wait 10m waits for its end, "
    return SweepRunning(other.message, hint=f"{other.hint}; {wait}{beside}")


def await_quiet(watch: Watch, patience: Patience) -> Surroundings | None:
    """Look again and again until the device is quiet or the patience ends; give the last look."""
    while True:
        seen = look_around(watch, patience.clock)
        reasons = [one.sentence for one in findings(seen) if one.code is not None]
        if not reasons or not patience.wait("; ".join(reasons)):
            return seen


def tell(seen: Surroundings | None, progress: RunProgress, *, hint: bool = True) -> None:
    """Report what goes on beside us on a device; `hint` adds how to wait for quiet."""
    if seen is None:
        return
    found = findings(seen)
    passing = [one.sentence for one in found if one.code is not None]
    if passing:
        way_out = _WAIT_HINT if hint else ""
        progress.warning(f"not quiet: {'; '.join(passing)}: {IN_DOUBT}{way_out}")
    elif words := described(seen):
        progress.notice(f"quiet: {words}")
    for one in found:
        if one.code is None:
            progress.notice(f"machine: {one.sentence}")


def _lock(stack: ExitStack, gpu: Gpu | None, run_id: str, patience: Patience) -> Locks:
    """Take the locks of a device, which `stack` gives back. Raises SweepRunning in the end."""
    while True:
        try:
            return stack.enter_context(device_lock(gpu, run_id))
        except SweepRunning as other:
            if not patience.wait(other.message):
                raise
