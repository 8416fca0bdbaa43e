"""Exclusive locks: one process at a time measures a device, and one works on a run folder.

The locks of devices lie in one folder that all users of the machine share: /tmp, whatever TMPDIR
says, or the folder that MOEPROF_LOCK_DIR names, for containers and jobs whose /tmp is their own.
"""

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ..device import cpu
from ..store.errors import BadInput
from ..store.provenance import Gpu
from ..store.run import Run
from .lock_file import Held, LockFile

LOCK_DIR: Final = "MOEPROF_LOCK_DIR"
_SHARED: Final = Path("/tmp")
_MIG: Final = re.compile(r"MIG-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_WAIT: Final = "wait for it to end"

Locks = tuple[int, ...]  # open descriptors: a process that has them open holds the locks


class SweepRunning(BadInput):
    """Another process measures the same device, or works on the same run."""


@dataclass(frozen=True, slots=True)
class _Lock:
    """The name of a lock's file, what it stands for, and the way out where it is held."""

    name: str
    what: str
    hint: str


@contextmanager
def run_lock(run: Run) -> Iterator[Locks]:
    """Lock a run folder in the block; give the descriptors, for the processes that measure.

    A lock is held until this process has left the block, and each process that has it open has
    ended. Raises SweepRunning where another process holds it, and BadInput where the folder may not
    be written.
    """
    lock = _Lock("sweep.lock", str(run.folder), _WAIT)
    with _locked(run.folder, [lock], _of(run.folder.resolve().name), shared=False) as locks:
        yield locks


@contextmanager
def device_lock(gpu: Gpu | None, run_id: str) -> Iterator[Locks]:
    """Lock a GPU by its UUID, in MIG mode that of the MIG device; without one the CPU's cores.

    The cores are those that this process may run on: all of them unless it is pinned. Another
    process that the lock refuses is told `run_id`. Gives descriptors and raises as `run_lock` does.
    """
    locks = _locks_of(gpu)
    with _locked(lock_folder(), locks, _of(run_id), shared=True) as descriptors:
        yield descriptors


def lock_folder() -> Path:
    """Give the folder of the devices' locks.

    Raises BadInput where MOEPROF_LOCK_DIR names no folder: one made here by mistake would be a lock
    that nobody else sees.
    """
    folder = Path(os.environ.get(LOCK_DIR) or _SHARED)
    if not folder.is_absolute():
        raise BadInput(f"{LOCK_DIR} is {str(folder)!r}", hint="name it by its whole path")
    if not os.path.isdir(folder):
        raise BadInput(
            f"the folder of locks {folder} is not there",
            hint=f"mkdir -m 1777 {folder}, or name another in {LOCK_DIR}",
        )
    return folder


def _of(run_id: str) -> str:
    return f"run {run_id}"


def _locks_of(gpu: Gpu | None) -> list[_Lock]:
    if gpu is not None:
        hint = f"{_WAIT}, or choose another GPU with --device cuda:N"
        return [_Lock(f"moeprof-{_uuid(gpu)}.lock", f"{gpu.name} {gpu.uuid}", hint)]
    hint = f"{_WAIT}, or pin each to cores of its own (taskset -c 0-3 moeprof ...)"
    return [_Lock(f"moeprof-core{core}.lock", f"core {core}", hint) for core in cpu.cores()]


def _uuid(gpu: Gpu) -> str:
    """Give the UUID of a GPU; that of the MIG device which CUDA_VISIBLE_DEVICES names in full.

    CUDA gives a process one MIG device, the first named (MIG user guide), and its UUID or, before
    CUDA 11.4, that of the whole GPU, by which slices would exclude each other.
    """
    first = os.environ.get("CUDA_VISIBLE_DEVICES", "").partition(",")[0].strip()
    return first.replace("MIG", "GPU", 1) if _MIG.fullmatch(first) else gpu.uuid


@contextmanager
def _locked(folder: Path, locks: Sequence[_Lock], who: str, *, shared: bool) -> Iterator[Locks]:
    """Take locks in order, so that of two processes at least one gets all that both want."""
    with ExitStack() as stack:
        descriptors: list[int] = []
        for lock in locks:
            try:
                file = LockFile(folder / lock.name, shared)
                descriptors.append(stack.enter_context(file.held(who)))
            except Held as other:
                by = f": {other}" if str(other) else ""
                raise SweepRunning(
                    f"another sweep is measuring {lock.what}{by}", hint=lock.hint
                ) from None
        yield tuple(descriptors)
