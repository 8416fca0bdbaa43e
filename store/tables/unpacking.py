"""How large a compressed file may become: 3 MB of gzip can hold 3 GB, 5 kB of Parquet 2.5 GB.

Real traces and tables become 10 to 30 times as large. So a file may become 256 MiB, or 100 times
its size where that is more, but at most 16 GiB. MOEPROF_MAX_UNPACKED_GIB sets another limit in
place of these, for a file that its user knows.
"""

import os
from math import isfinite
from pathlib import Path
from typing import Final

from ..errors import BadInput, shortened

VARIABLE: Final = "MOEPROF_MAX_UNPACKED_GIB"
_MIB, _GIB = 1 << 20, 1 << 30
_ALWAYS_BYTES: Final = 256 * _MIB
_LARGEST_BYTES: Final = 16 * _GIB
_MAX_RATIO: Final = 100


def most_unpacked_bytes(path: Path) -> int:
    """How many bytes the content of a compressed file may take.

    Raises BadInput where the environment variable is no number above 0.
    """
    given = os.environ.get(VARIABLE, "")
    if not given:
        return min(max(_ALWAYS_BYTES, _MAX_RATIO * path.stat().st_size), _LARGEST_BYTES)
    try:
        gib = float(given)
    except ValueError:
        gib = 0.0
    if not (gib > 0 and isfinite(gib)):
        raise BadInput(
            f"{VARIABLE} is {shortened(repr(given))}, and must be a number of GiB above 0",
            hint=f"set it anew, or leave it out for {_LARGEST_BYTES // _GIB}",
        )
    return int(gib * _GIB)


def check_unpacked(path: Path, size_bytes: int, most_bytes: int) -> None:
    """Raise BadInput where the content of `path` takes more bytes than it may."""
    if size_bytes > most_bytes:
        raise BadInput(
            f"{path} unpacks to more than {most_bytes / _MIB:,.0f} MiB, from"
            f" {path.stat().st_size / _MIB:,.1f}, which is more than it may",
            hint=f"if you know the file, set {VARIABLE} to the GiB that it may take",
        )
