"""How much of the processors the control groups of this process let it have.

Source: the kernel's admin-guide/cgroup-v2 ("CPU") and scheduler/sched-bwc. A quota of a parent
binds as well, as that of a pod binds its containers.
"""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

MEMBERSHIP: Final = Path("/proc/self/cgroup")
GROUPS: Final = Path("/sys/fs/cgroup")


def quota_cores(membership: Path = MEMBERSHIP, groups: Path = GROUPS) -> float | None:
    """Give the least CPU limit of this process's control groups, in cores; None without one."""
    limits = [_limit(folder) for folder in _folders(membership, groups)]
    return min((limit for limit in limits if limit is not None), default=None)


def quota_stops(membership: Path = MEMBERSHIP, groups: Path = GROUPS) -> int | None:
    """Count the periods in which a quota stopped a group of this process; None where not counted.

    Only a rise means something.
    """
    counts = []
    for folder in _folders(membership, groups):
        with suppress(OSError, ValueError):
            lines = (folder / "cpu.stat").read_text(encoding="ascii").splitlines()
            counts += [int(line.split()[1]) for line in lines if line.startswith("nr_throttled ")]
    return sum(counts) if counts else None


def _folders(membership: Path, groups: Path) -> Iterator[Path]:
    """Each control group of this process that rules processors, and its parents.

    In a container the path may be the host's, which is not there: the root is the own group then.
    """
    try:
        lines = membership.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return
    for line in lines:
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if controllers and "cpu" not in controllers.split(","):
            continue
        root = next(filter(Path.is_dir, (groups / controllers, groups / "cpu")), groups)
        root = root if controllers else groups
        own = root / path.lstrip("/")
        yield from (one for one in (own, *own.parents) if one.is_relative_to(root))


def _limit(folder: Path) -> float | None:
    """Read the limit of one group, in cores, in either version; None without one."""
    with suppress(OSError, ValueError, ZeroDivisionError):
        quota, period = (folder / "cpu.max").read_text(encoding="ascii").split()
        return int(quota) / int(period)
    with suppress(OSError, ValueError, ZeroDivisionError):
        quota_us = int((folder / "cpu.cfs_quota_us").read_text(encoding="ascii"))
        period_us = int((folder / "cpu.cfs_period_us").read_text(encoding="ascii"))
        return quota_us / period_us if quota_us > 0 else None
    return None
