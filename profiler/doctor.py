"""What this machine can measure, and what stops it: each finding with its cost and its remedy."""

import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from importlib import metadata
from pathlib import Path

from ..device import cpu, nvml
from ..device.identity import choose_device
from ..store.errors import CannotMeasure
from .collectors import COLLECTORS

_FREE_BYTES = 2 << 30  # a sweep under nsys leaves a few hundred megabytes


class Status(StrEnum):
    """What a finding means: a fault stops a sweep, a warning costs something, a skip nothing."""

    OK = "ok"
    WARNING = "warning"
    FAULT = "fault"
    SKIP = "skip"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at: the evidence, what it costs the user, and how to mend it."""

    check: str
    status: Status
    evidence: str
    cost: str = ""
    remedy: str = ""


def examine(store: Path) -> list[Finding]:
    """Look at this machine; `store` is where runs would go."""
    device = choose_device(None)
    checks: list[Callable[[], Finding]] = [
        _python,
        lambda: _torch(device),
        lambda: _triton(device),
        lambda: _cache(device),
        lambda: _nvml(device),
        _rapl,
        lambda: _disk(store),
    ]
    findings = [check() for check in checks]
    return findings + [_collector(name, device) for name in COLLECTORS]


def _python() -> Finding:
    return Finding("python", Status.OK, sys.version.split()[0])


def _torch(device: str) -> Finding:
    evidence = f"torch {metadata.version('torch')}, device {device}"
    if device != "cpu":
        return Finding("torch", Status.OK, evidence)
    return Finding(
        "torch",
        Status.WARNING,
        evidence,
        cost="the CPU is measured, not a GPU",
        remedy="run on a machine with an NVIDIA GPU and a CUDA build of torch",
    )


def _triton(device: str) -> Finding:
    try:
        evidence = f"triton {metadata.version('triton')}"
    except metadata.PackageNotFoundError:
        return Finding(
            "triton",
            Status.SKIP if device == "cpu" else Status.WARNING,
            "not installed",
            cost="dequant_linear and topk run their torch reference",
            remedy="pip install triton",
        )
    compiler = next((name for name in ("cc", "gcc", "clang") if shutil.which(name)), None)
    if compiler is None and device != "cpu":
        return Finding(
            "triton",
            Status.FAULT,
            f"{evidence}, no C compiler",
            cost="Triton builds its launcher with one: its kernels do not run",
            remedy="install gcc",
        )
    return Finding("triton", Status.OK, f"{evidence}, C compiler {compiler or 'not needed'}")


def _cache(device: str) -> Finding:
    if device != "cpu":
        return Finding("last-level cache", Status.SKIP, "the GPU's is read when it is profiled")
    size = cpu.last_level_cache_bytes()
    if size is None:
        return Finding(
            "last-level cache",
            Status.WARNING,
            "Linux does not say its size",
            cost="inputs rotate over an assumed 64 MiB cache",
            remedy="on a machine with a larger one, read small operations as hot",
        )
    return Finding("last-level cache", Status.OK, f"{size / 2**20:g} MiB, {cpu.cpu_name()}")


def _nvml(device: str) -> Finding:
    try:
        gpus = nvml.gpus()
    except CannotMeasure as reason:
        return Finding(
            "nvml",
            Status.SKIP if device == "cpu" else Status.FAULT,
            reason.message,
            cost="no GPU power, energy or temperature",
            remedy=reason.hint,
        )
    names = ", ".join(f"{gpu.name} (driver {gpu.driver})" for gpu in gpus)
    return Finding("nvml", Status.OK, names or "no GPU")


def _rapl() -> Finding:
    path = Path("/sys/class/powercap/intel-rapl:0/energy_uj")
    try:
        path.read_text(encoding="ascii")
    except FileNotFoundError:
        return Finding("rapl", Status.SKIP, "no powercap", cost="no CPU energy")
    except PermissionError:
        return Finding(
            "rapl",
            Status.WARNING,
            f"{path} is not readable",
            cost="no CPU energy",
            remedy=f"sudo chmod a+r {path}",
        )
    return Finding("rapl", Status.OK, f"{path} is readable; this version does not record it")


def _disk(store: Path) -> Finding:
    folder = store.resolve()
    while not folder.exists():
        folder = folder.parent
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        return Finding(
            "disk",
            Status.FAULT,
            f"{folder} is no folder that can be written",
            cost="no run can be kept",
            remedy="point --store at another folder",
        )
    free = shutil.disk_usage(folder).free
    evidence = f"{free / 2**30:.1f} GiB free where runs go"
    if free < _FREE_BYTES:
        return Finding(
            "disk",
            Status.WARNING,
            evidence,
            cost="a sweep under nsys may not fit",
            remedy="free some space, or point --store at another disk",
        )
    return Finding("disk", Status.OK, evidence)


def _collector(name: str, device: str) -> Finding:
    probe = COLLECTORS[name].probe(device)
    return Finding(f"collector {name}", Status.OK if probe.ok else Status.SKIP, probe.evidence)
