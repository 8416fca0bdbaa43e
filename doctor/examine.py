"""Checks what this machine can measure; each result says what a fault costs and how to mend it.

The GPU is loaded for some seconds, and one point of a sweep is measured again and again; nothing
is kept, and nothing on the machine is changed.
"""

import os
import shutil
import sys
import sysconfig
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Final

from ..device import cpu, gpus, rapl, rapl_perf
from ..device.identity import choose_device, describe
from ..energy.power_log import PowerLog
from ..profiler.lock import Locks, device_lock
from ..profiler.process.line_process import ProcessEnded
from ..store.errors import BadInput, CannotMeasure
from ..store.provenance import Gpu
from . import sensor_checks
from .check_result import CheckResult, Status
from .collectors import collectors
from .engines import engines
from .quiet import quiet
from .repeatability import noise
from .script_trial import isolated_scripts
from .sensor_probe import probe_under_load

_FREE_BYTES: Final = 2 << 30  # a sweep under nsys leaves a few hundred megabytes
_WHO: Final = "doctor"  # what a sweep is told that finds the device locked
_PROBE_S: Final = 4.5  # after 1.2 s to settle, more than 3 s to measure periods in


@dataclass(frozen=True, slots=True)
class Probes:
    """The checks that load the device for seconds.

    `sensors` reads the sensors of a GPU ("cuda:N") under load for some seconds; `repeatability`
    measures one point on a device again and again. Each lets its processes keep the device's locks.
    `scripts` starts a script of each kind.
    """

    sensors: Callable[[str, float, Locks], PowerLog] = probe_under_load
    repeatability: Callable[[str, Locks], CheckResult] = noise
    scripts: Callable[[str], CheckResult] = isolated_scripts


PROBES: Final = Probes()


def examine(
    store: Path, *, device: str | None = None, probes: Probes = PROBES
) -> list[CheckResult]:
    """Check this machine; `store` is where runs would go.

    `device` is "cpu" or "cuda:N", None for the one that `moeprof profile` would choose.
    """
    return list(checks(store, device=device, probes=probes))


def checks(
    store: Path, *, device: str | None = None, probes: Probes = PROBES
) -> Iterator[CheckResult]:
    """Make the checks of `examine` one after the other."""
    device = device or choose_device(None)
    yield CheckResult("python", Status.OK, sys.version.split()[0])
    yield quiet(_gpu(device))  # before anything of ours loads it
    yield from _nvml(device)
    yield _torch(device)
    yield _triton(device)
    yield _cache(device)
    yield _rapl()
    yield _disk(store)
    yield from _sensors(device, probes)  # before any other process of ours is on the GPU
    gpu = _gpu(device)
    yield from collectors(device, None if gpu is None else gpu.index)
    yield probes.scripts(device)
    yield from engines()
    yield _repeatability(device, probes)


def _nvml(device: str) -> Iterator[CheckResult]:
    try:
        seen = gpus.survey()
    except CannotMeasure as reason:
        yield CheckResult(
            "nvml",
            Status.SKIP if device == "cpu" else Status.FAULT,
            reason.message,
            cost="no GPU power, energy or temperature",
            remedy=reason.hint,
        )
        return
    yield CheckResult("nvml", Status.OK, "; ".join(map(_described, seen.described)) or "no GPU")
    if seen.lost:
        yield CheckResult(
            "lost GPUs",
            Status.WARNING,
            "; ".join(f"GPU {index}: {reason}" for index, reason in seen.lost.items()),
            cost="nothing is measured on them",
            remedy=gpus.LOST_REMEDY,
        )
    split = [gpu for gpu in seen.described if gpu.mig]
    if split:
        yield CheckResult(
            "mig",
            Status.WARNING,
            "in MIG mode: " + ", ".join(f"GPU {gpu.index}" for gpu in split),
            cost="energy is that of the whole board, so a slice gets none",
            remedy="sudo nvidia-smi -i N -mig 0, or use another GPU",
        )


def _described(gpu: Gpu) -> str:
    limit = "unknown" if gpu.power_limit_w is None else f"{gpu.power_limit_w:g} W"
    clocks = f"{gpu.sm_clock_mhz or '?'} and {gpu.memory_clock_mhz or '?'} MHz"
    return f"GPU {gpu.index} {gpu.name}, driver {gpu.driver}, limit {limit}, clocks {clocks}"


def _torch(device: str) -> CheckResult:
    evidence = f"torch {metadata.version('torch')}, device {device}"
    if device != "cpu":
        return CheckResult("torch", Status.OK, evidence)
    cost = "the CPU is measured, not a GPU"
    reason = _why_no_gpu()
    if reason is None:
        return CheckResult(
            "torch", Status.WARNING, evidence, cost,
            remedy="run on a machine with an NVIDIA GPU and a CUDA build of torch",
        )  # fmt: skip
    return CheckResult(
        "torch", Status.FAULT, f"{evidence}, beside a GPU: {reason}", cost,
        remedy="install a CUDA build of torch that this driver is new enough for; see"
        " CUDA_VISIBLE_DEVICES",
    )  # fmt: skip


def _why_no_gpu() -> str | None:
    """Why torch cannot use a GPU that NVML shows, in torch's words; None where NVML shows none."""
    import torch

    try:
        if not gpus.gpus():
            return None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the error says the same
            torch.cuda.init()  # type: ignore[no-untyped-call]
    except CannotMeasure:
        return None
    except (RuntimeError, AssertionError) as error:
        return next(iter(str(error).splitlines()), "").lower()
    return "it shows none"


def _triton(device: str) -> CheckResult:
    try:
        evidence = f"triton {metadata.version('triton')}"
    except metadata.PackageNotFoundError:
        return CheckResult(
            "triton",
            Status.SKIP if device == "cpu" else Status.WARNING,
            "not installed",
            cost="dequant_linear and topk run their torch reference",
            remedy="pip install triton",
        )
    if device == "cpu":
        return CheckResult("triton", Status.OK, evidence)
    compiler = next((name for name in ("cc", "gcc", "clang") if shutil.which(name)), None)
    headers = Path(sysconfig.get_path("include")) / "Python.h"
    if compiler and headers.is_file():
        return CheckResult("triton", Status.OK, f"{evidence}, C compiler {compiler}")
    return CheckResult(
        "triton",
        Status.FAULT,
        f"{evidence}, {f'no {headers}' if compiler else 'no C compiler'}",
        cost="Triton builds its launcher with both: its kernels do not run",
        remedy="install python3-dev" if compiler else "install gcc",
    )


def _cache(device: str) -> CheckResult:
    if device != "cpu":
        return CheckResult("last-level cache", Status.SKIP, "the GPU's is read when it is profiled")
    size = cpu.last_level_cache_bytes()
    if size is None:
        return CheckResult(
            "last-level cache",
            Status.WARNING,
            "Linux does not say its size",
            cost="inputs rotate over an assumed 64 MiB cache",
            remedy="on a machine with a larger one, read small operations as hot",
        )
    return CheckResult("last-level cache", Status.OK, f"{size / 2**20:g} MiB, {cpu.cpu_name()}")


def _rapl() -> CheckResult:
    """Energy counters of the processor: RAPL by powercap, else by perf."""
    try:
        count = len(rapl.packages())
        return CheckResult("rapl", Status.OK, f"{count} package(s) by powercap")
    except CannotMeasure as refused:
        powercap = refused
    try:
        counters = rapl_perf.open_counters()
    except CannotMeasure as refused:
        there = any(rapl.POWERCAP.glob("intel-rapl:*")) or rapl_perf.POWER_EVENTS.exists()
        return CheckResult(
            "rapl",
            Status.WARNING if there else Status.SKIP,
            f"{powercap.message}; by perf: {refused.message.removeprefix('RAPL is unavailable: ')}",
            cost="no energy of the CPU",
            remedy=powercap.hint or refused.hint,
        )
    for counter in counters:
        counter.close()
    return CheckResult("rapl", Status.OK, f"{len(counters)} package(s) by perf")


def _disk(store: Path) -> CheckResult:
    folder = store.resolve()
    while not folder.exists():
        folder = folder.parent
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        return CheckResult(
            "disk",
            Status.FAULT,
            f"{folder} is no folder that can be written",
            cost="no run can be kept",
            remedy="point --store at another folder",
        )
    free = shutil.disk_usage(folder).free
    evidence, values = f"{free / 2**30:.1f} GiB free where runs go", {"free_bytes": float(free)}
    if free >= _FREE_BYTES:
        return CheckResult("disk", Status.OK, evidence, values=values)
    return CheckResult(
        "disk", Status.WARNING, evidence, "a sweep under nsys may not fit",
        "free some space, or point --store at another disk", values,
    )  # fmt: skip


def _sensors(device: str, probes: Probes) -> list[CheckResult]:
    """What the GPU's sensors read under load."""
    if device == "cpu":
        return []
    check = "sensors under load"
    try:
        gpus.gpus()
    except CannotMeasure:
        return []  # `_nvml` says why
    try:
        with device_lock(_gpu(device), _WHO) as locks:
            return sensor_checks.judge(probes.sensors(device, _PROBE_S, locks))
    except BadInput as busy:
        return [_busy(check, busy)]
    except CannotMeasure as reason:
        cost = "no energy per launch on this GPU"
        return [CheckResult(check, Status.FAULT, reason.message, cost, reason.hint)]
    except ProcessEnded as reason:
        return [
            CheckResult(check, Status.FAULT, f"the load does not run: {reason}",
                    "no operation runs on this GPU", "mend what torch says of it"),
        ]  # fmt: skip


def _repeatability(device: str, probes: Probes) -> CheckResult:
    try:
        with device_lock(_gpu(device), _WHO) as locks:
            return probes.repeatability(device, locks)
    except BadInput as busy:
        return _busy("noise", busy)


def _busy(check: str, refusal: BadInput) -> CheckResult:
    return CheckResult(
        check, Status.SKIP, refusal.message, cost="not checked this time", remedy=refusal.hint
    )


def _gpu(device: str) -> Gpu | None:
    return None if device == "cpu" else describe(device, 1, git_commit=None, git_dirty=None).gpu
