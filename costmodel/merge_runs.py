"""Merge several runs into one model: only those of one device and one software."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from ..store.errors import BadInput
from ..store.provenance import Provenance

_KERNEL_SOURCES = ("torch", "triton", "cuda")


def check_mergeable(provenances: Sequence[Provenance]) -> None:
    """Refuse runs of different devices or software.

    Raises BadInput with the field and its two values: the device, its power limit or driver, the
    threads of a CPU, or the version of torch, Triton or CUDA.
    """
    first = _must_agree(provenances[0])
    for other in provenances[1:]:
        for field, value in _must_agree(other).items():
            if value != first[field]:
                raise BadInput(
                    f"the runs differ in {field}: {first[field]} and {value}",
                    hint="one model holds one device and one state of it: build one from each",
                )


def check_different(paths: Sequence[Path], digests: Sequence[str]) -> None:
    """Refuse the same points twice, whatever the paths by which they were named."""
    first: dict[str, Path] = {}
    for path, digest in zip(paths, digests, strict=True):
        if digest in first:
            raise BadInput(
                f"{path} holds the same points as {first[digest]}", hint="name each run once"
            )
        first[digest] = path


def merged_sha256(digests: Sequence[str]) -> str:
    """One digest for the tables of several runs; that of the table itself for a single run."""
    if len(digests) == 1:
        return digests[0]
    return hashlib.sha256("".join(digests).encode()).hexdigest()


def _must_agree(provenance: Provenance) -> dict[str, object]:
    gpu = provenance.gpu
    fields: dict[str, object] = {
        "device": provenance.device_name,
        "machine": provenance.machine,
        "power limit": None if gpu is None else gpu.power_limit_w,
    }
    return fields | {name: provenance.versions.get(name) for name in _KERNEL_SOURCES}
