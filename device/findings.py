"""Whether a device is quiet: what in its surroundings puts times in doubt, in sentences."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from ..store.flag import FlagCode
from ..store.percent import percent
from ..store.provenance import Surroundings

IN_DOUBT: Final = "times will be in doubt, and points are flagged"
# Other processes may keep so many cores busy: docs/method.md ("Is the machine quiet?") has figures.
# The load average is no evidence: it is that of the last minute, with our own last command in it.
_QUARTER: Final = 0.25  # share of one core or two
_HALF_CORE: Final = 0.5  # a desktop at rest
_SHARE: Final = 0.1  # share of many cores
_GPU_BUSY: Final = 0.1  # share of the time; a desktop's pictures take less
_STEADY: Final = frozenset({"performance", "userspace"})  # governors that hold a clock


class Finding(NamedTuple):
    """One thing that puts times in doubt, as a noun with its numbers, and the way to mend it.

    `code` is that of a point's flag, None for a standing condition of the machine, which affects
    every point alike and is not waited for.
    """

    code: FlagCode | None
    sentence: str
    remedy: str


def findings(seen: Surroundings | None) -> list[Finding]:
    """Say what puts times in doubt; nothing where the device is quiet, or nothing is known."""
    return [] if seen is None else [*_passing(seen), *_standing(seen)]


def passing(seen: Surroundings | None) -> list[Finding]:
    """Give the findings that may pass: those that flag a point."""
    return [] if seen is None else list(_passing(seen))


def is_disturbed(seen: Surroundings | None) -> bool:
    """Whether anything was found that may pass; not where nobody looked."""
    return bool(passing(seen))


def described(seen: Surroundings) -> str:
    """Say in words what is known of the surroundings; empty where nothing is."""
    parts = []
    if seen.other_cores is not None:
        parts.append(_on_cores(seen.other_cores, seen.cores))
    if seen.load_average is not None:
        parts.append(f"load {seen.load_average:.1f}")
    if seen.governors:
        parts.append(f"governor {', '.join(seen.governors)}")
    if seen.quota_cores is not None:
        parts.append(f"a CPU quota of {seen.quota_cores:g} cores")
    if seen.gpu_processes is not None:
        parts.append(_on_gpu(seen.gpu_processes))
    if seen.gpu_busy is not None:
        parts.append(f"busy for {percent(seen.gpu_busy, decimals=0)} % of the time")
    if seen.slowed_by:
        parts.append(_slowed(seen))
    return "; ".join(parts)


def _passing(seen: Surroundings) -> Iterator[Finding]:
    if seen.beside_sweep:
        yield Finding(FlagCode.BESIDE_SWEEP, "another sweep on the same device", "let it end first")
    crowd = _crowd(seen)
    if crowd is not None:
        yield Finding(FlagCode.OTHER_PROCESSES, crowd, "end them, or `moeprof profile --wait 10m`")
    if seen.slowed_by:
        remedy = "mend the cooling, or raise the limit"
        yield Finding(FlagCode.SLOWED_DOWN, _slowed(seen), remedy)


def _crowd(seen: Surroundings) -> str | None:
    """Say which other processes are on the device; None where they are too few to matter."""
    if seen.gpu_processes:
        return _on_gpu(seen.gpu_processes)
    if seen.gpu_busy is not None and seen.gpu_busy > _GPU_BUSY:
        return f"the GPU busy for {percent(seen.gpu_busy, decimals=0)} % of the time"
    others, cores, load = seen.other_cores, seen.cores, seen.load_average
    if others is None or cores is None:
        return None
    if others <= max(min(_QUARTER * cores, _HALF_CORE), _SHARE * cores):
        return None
    of_all = "" if load is None else f" (load {load:.1f})"
    return f"{_on_cores(others, cores)}{of_all}"


def _slowed(seen: Surroundings) -> str:
    return f"slowed down by {' and '.join(seen.slowed_by)}"


def _on_cores(others: float, cores: int | None) -> str:
    return f"other processes on {others:.1f} of {cores} {'core' if cores == 1 else 'cores'}"


def _on_gpu(count: int) -> str:
    return f"{count} other {'process' if count == 1 else 'processes'} on the GPU"


def _standing(seen: Surroundings) -> Iterator[Finding]:
    loose = sorted(set(seen.governors) - _STEADY)
    if loose:
        yield Finding(
            None,
            f"governor {', '.join(loose)}: the clock is not held at its highest",
            "sudo cpupower frequency-set -g performance",
        )
    if seen.quota_cores is not None and seen.quota_cores < 1:
        yield Finding(
            None, f"a CPU quota of {seen.quota_cores:g} cores", "give this container a whole core"
        )
