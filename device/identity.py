"""The device that is measured: the one that a name stands for, and its Provenance."""

import dataclasses
from datetime import UTC, datetime
from importlib import metadata

from ..store.errors import BadInput, CannotMeasure
from ..store.provenance import Gpu, Provenance
from . import cpu, gpus

_SOFTWARE = ("moeprof", "torch", "triton", "numpy", "nvtx", "nvidia-ml-py")


def choose_device(name: str | None) -> str:
    """Resolve a device name: None is the first GPU that torch can use, else "cpu".

    Raises BadInput for a name that is no device, and for a GPU that torch does not see.
    """
    import torch

    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if name is None:
        return "cuda:0" if count else "cpu"
    if name == "cpu":
        return name
    kind, _, index = name.partition(":")
    if kind != "cuda" or (index and not (index.isascii() and index.isdecimal())):
        raise BadInput(f"{name!r} is no device", hint="use cpu, cuda or cuda:N")
    ordinal = int(index or 0)
    if ordinal >= count:
        raise BadInput(
            f"{name!r} is not there: torch {torch.__version__} sees {count} GPU(s)",
            hint="run `moeprof doctor`, or use --device cpu",
        )
    return f"cuda:{ordinal}"


def describe(
    device: str, threads: int, *, git_commit: str | None, git_dirty: bool | None
) -> Provenance:
    """Fill the Provenance of measurements on `device` ("cpu" or "cuda:N") with `threads`."""
    gpu = None if device == "cpu" else _gpu(device)
    return Provenance(
        device=device,
        device_name=cpu.cpu_name() if gpu is None else gpu.name,
        cache_bytes=cpu.last_level_cache_bytes() if gpu is None else gpu.l2_bytes,
        cpu_name=cpu.cpu_name(),
        cpu_count=cpu.cpu_count(),
        threads=threads,
        gpu=gpu,
        versions=_versions(),
        git_commit=git_commit,
        git_dirty=git_dirty,
        host_hash=cpu.host_hash(),
        utc=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _gpu(device: str) -> Gpu:
    """Describe one GPU by torch and NVML; fields that only NVML knows are None without it."""
    import torch

    properties = torch.cuda.get_device_properties(device)
    uuid = f"GPU-{properties.uuid}"
    try:
        seen = gpus.gpu_by_uuid(uuid)
    except CannotMeasure:
        seen = None
    if seen is None:
        seen = Gpu(
            index=torch.device(device).index,
            name=gpus.escaped_text(getattr, properties, "name"),
            uuid=uuid,
            driver=None,
            vbios=None,
            power_limit_w=None,
            sm_clock_mhz=None,
            memory_clock_mhz=None,
            mig=None,
            l2_bytes=None,
        )
    return dataclasses.replace(seen, l2_bytes=properties.L2_cache_size)


def _versions() -> dict[str, str]:
    import torch

    found = {"cuda": torch.version.cuda} if torch.version.cuda else {}
    for name in _SOFTWARE:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found
