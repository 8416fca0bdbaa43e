"""What a collector must do: say whether it works here, and record one operation.

To add one: write a class with the methods of `Collector` in a file of its own; give it a name in
`CollectorName` (store/recording.py); list it in registry.py, where `auto` has its order of
preference; and let parsers/recording_tables.py parse its raw files.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Protocol

from ...store.recording import Recording
from ..job import Job


@dataclass(frozen=True, slots=True)
class Probe:
    """Whether a collector works on a device of this machine, and the evidence in words."""

    ok: bool
    evidence: str


class Collector(Protocol):
    """Records what one tool sees of an isolated script; it computes nothing from it."""

    name: ClassVar[str]

    def probe(self, device: str) -> Probe:
        """Say whether this collector can record `device` ("cpu" or "cuda:N") here."""
        ...

    def collect(self, job: Job) -> Iterator[Recording]:
        """Measure what the job's schedule asks for.

        Yield each recording when its raw files are complete.
        """
        ...


def literal_path(path: Path) -> str:
    """Give an absolute path as nsys and ncu take it for a report to be written.

    They expand %h, %p, %n, %i and %q{NAME} in it; %% is a percent sign (Nsight Systems User Guide,
    --output; Nsight Compute CLI, file macros).
    """
    return str(path.absolute()).replace("%", "%%")
