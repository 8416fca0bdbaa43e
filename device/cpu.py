"""The host's processor as Linux describes it: name, last-level cache, and a hash of the host."""

import hashlib
import os
import platform
from pathlib import Path

_SYSFS = Path("/sys/devices/system/cpu/cpu0/cache")
_UNITS = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


def cpu_name() -> str:
    """Model name of the processor, or its architecture where Linux gives none."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def cores() -> tuple[int, ...]:
    """Numbers of the processors that this process may run on, ascending."""
    return tuple(sorted(os.sched_getaffinity(0)))


def cpu_count() -> int:
    """Number of processors that this process may run on."""
    return len(cores())


def last_level_cache_bytes(caches: Path = _SYSFS) -> int | None:
    """Size of the largest cache of processor 0, bytes; None where `caches` has no size."""
    sizes = []
    for path in caches.glob("index*/size"):
        text = path.read_text(encoding="ascii").strip()
        if text[:-1].isdecimal() and text[-1] in _UNITS:
            sizes.append(int(text[:-1]) * _UNITS[text[-1]])
    return max(sizes, default=None)


def host_hash() -> str:
    """Twelve hex digits that identify this host without naming it."""
    try:
        machine = Path("/etc/machine-id").read_bytes().strip()
    except OSError:
        machine = b""
    digest = hashlib.sha256(b"moeprof host " + machine + platform.node().encode())
    return digest.hexdigest()[:12]
