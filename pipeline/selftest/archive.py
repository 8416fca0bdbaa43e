"""One file with all that a selftest found, fit to be sent: a tar of 16 MiB at most.

What tells most for its size comes first: the claims, what each step found, the recordings and what
was made of them, smaller files before larger ones. A file for which there is no room is left out
and named. No file is packed that was not made shareable before.
"""

import gzip
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from ...store.files import replacing
from .sharing import is_shareable

MOST_BYTES: Final = 16 << 20
_OVERHEAD_BYTES: Final = 4096  # a member's header, and gzip on what cannot be packed
_END_BYTES: Final = 32 << 10  # the tar's last blocks
_FIRST: Final = ("selftest.json", "results/*.json", "logs/*.log", "*/power.csv")
_OF_A_RUN: Final = (
    "plan.json",
    "preset.toml",
    "provenance.json",
    "kernel_cost_model.json",
    "validation*.json",
    "scripts/*.py",
    "logs/*.log",
    "tables/points.parquet",
    "tables/*.parquet",
    "raw/*/*/*",
)


def pack(folder: Path, archive: Path, most_bytes: int = MOST_BYTES) -> tuple[str, ...]:
    """Write `archive` (.tar.gz) of a selftest's folder; return the names that were left out.

    It unpacks into one folder by the name of `folder`. Raises BadInput where it cannot be written.
    """
    left_out = []
    with (
        replacing(archive) as temporary,
        temporary.open("wb") as file,
        gzip.GzipFile("", "wb", fileobj=file, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for path in _members(folder):
            name = path.relative_to(folder)
            packed.flush()
            room = most_bytes - file.tell() - _END_BYTES
            if path.stat().st_size + _OVERHEAD_BYTES > room:
                left_out.append(str(name))
            else:
                tar.add(path, str(Path(folder.name) / name), filter=_of_nobody)
    return tuple(left_out)


def _members(folder: Path) -> Iterator[Path]:
    """The files to pack, in their order, each once."""
    runs = sorted(path.parent for path in folder.glob("*/*/plan.json"))
    patterns = [(folder, pattern) for pattern in _FIRST]
    patterns += [(run, pattern) for pattern in _OF_A_RUN for run in runs]
    seen = set()
    for base, pattern in patterns:
        for path in sorted(base.glob(pattern), key=lambda one: (one.stat().st_size, one)):
            is_raw = pattern.startswith("raw/")
            if path not in seen and path.is_file() and (is_shareable(path.name) or not is_raw):
                seen.add(path)
                yield path


def _of_nobody(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """A member without its owner, and without the time of its file."""
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mtime = 0
    member.mode = 0o644
    return member


def hint(archive: Path) -> str:
    """How the archive is looked at elsewhere."""
    name = archive.name.removesuffix(".tar.gz")
    return f"tar xzf {os.path.basename(archive)} && moeprof report --store {name}/runs"
