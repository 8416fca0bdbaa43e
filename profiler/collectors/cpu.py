"""The `cpu` collector: wall time per call on the host's own clock.

Each point is a recording of its own, kept as soon as it is measured.
"""

import sys
from collections.abc import Iterator
from typing import ClassVar

from ...store.recording import CollectorName, Recording
from ..job import Job
from ..record import Tool, Unit, record
from ..worker import sessions
from .collector import Probe


class CpuCollector:
    """Times each call with `time.perf_counter_ns` inside the isolated script."""

    name: ClassVar[str] = CollectorName.CPU

    def probe(self, device: str) -> Probe:
        """Say whether the device is the CPU: that is all it needs."""
        if device != "cpu":
            return Probe(False, f"it times the CPU, and the device is {device}")
        return Probe(True, "the host's own clock")

    def collect(self, job: Job) -> Iterator[Recording]:
        """Yield a recording per repeat of a size."""
        tool = Tool("time.perf_counter_ns", sys.version.split()[0])
        for session in sessions(job, lambda _: job.script("--serve")):
            for outcome in session.run():
                unit = Unit(self.name, f"{outcome.scenario_key}@{outcome.visit}")
                yield record(session, [outcome], unit, tool)
