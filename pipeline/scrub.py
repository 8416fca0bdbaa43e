"""A trace made safe to share."""

from dataclasses import dataclass
from pathlib import Path

from ..parsers.messages import RECORD_AGAIN
from ..parsers.scrub import scrub_trace
from ..store.errors import naming


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
    with naming(hint=RECORD_AGAIN):
        return ScrubbedTrace(Path(out), scrub_trace(Path(trace), Path(out)))
