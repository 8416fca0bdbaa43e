"""A trace made safe to share."""

from dataclasses import dataclass
from pathlib import Path

from ..parsers.scrub import scrub_trace


@dataclass(frozen=True, slots=True)
class ScrubbedTrace:
    """The file that was written, and what it lacks of what a reader might look for."""

    path: Path
    warnings: tuple[str, ...]


def scrub(trace: Path | str, out: Path | str) -> ScrubbedTrace:
    """Copy a trace to `out` without host, user, paths, environment and command line.

    The copy parses to the same tables. Raises BadInput where `trace` is no trace, or `out` cannot
    be written or is `trace` itself.
    """
    return ScrubbedTrace(Path(out), scrub_trace(Path(trace), Path(out)))
