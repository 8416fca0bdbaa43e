"""Options that several commands share, and how their words become values."""

import re
from pathlib import Path
from typing import Annotated

import typer

from ..store.errors import BadInput
from ..store.run import DEFAULT_STORE, find_model, find_run

Store = Annotated[Path, typer.Option("--store", help="Folder where runs live.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for a program to stdout.")]
RunArgument = Annotated[
    Path | None, typer.Argument(metavar="RUN", help="Run folder; the latest if left out.")
]

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)?", re.ASCII)
_UNITS_S = {"ms": 0.001, None: 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}
_MAX_S = 365 * 24 * 3600.0  # threading.TIMEOUT_MAX is some 292 years

__all__ = ["DEFAULT_STORE", "Json", "RunArgument", "Store", "duration_s", "find_model", "find_run"]


def duration_s(words: str) -> float:
    """Read "90", "90s", "3m", "1.5h" or "500ms" as seconds. Raises BadInput for anything else."""
    match = _DURATION.fullmatch(words.strip())
    seconds = float(match[1]) * _UNITS_S[match[2]] if match else 0.0
    if not 0 < seconds <= _MAX_S:
        raise BadInput(f"{words!r} is no duration", hint="write 90s, 3m or 1h, at most 8760h")
    return seconds
