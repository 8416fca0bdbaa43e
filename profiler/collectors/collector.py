"""What every collector can do: say whether it works here, and record one operation."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Protocol

from ...store.recording import Recording
from ..worker import Job


@dataclass(frozen=True, slots=True)
class Probe:
    """Whether a collector works on a device of this machine, and the evidence in words."""

    ok: bool
    evidence: str


class Collector(Protocol):
    """Records what one tool sees of an isolated script; reasons about nothing."""

    name: ClassVar[str]

    def probe(self, device: str) -> Probe:
        """Say whether this collector can record `device` ("cpu" or "cuda:N") here."""
        ...

    def collect(self, job: Job) -> Iterator[Recording]:
        """Measure the job's agenda; yield each recording when its raw files are complete."""
        ...
