"""The `cpu` collector: wall time per call on the host's own clock.

The unit is a point: each visit is a recording of its own, kept as soon as it is answered.
"""

import sys
from collections.abc import Iterator
from typing import ClassVar

from ...store.recording import CollectorName, Recording
from ..worker import Job, Tool, record, sessions
from .collector import Probe


class CpuCollector:
    """Times each call with `time.perf_counter_ns` inside the isolated script."""

    name: ClassVar[str] = CollectorName.CPU

    def probe(self, device: str) -> Probe:
        """Say yes on the CPU: it needs no tool."""
        if device != "cpu":
            return Probe(False, f"it times the CPU, and the device is {device}")
        return Probe(True, "the host's own clock")

    def collect(self, job: Job) -> Iterator[Recording]:
        """Yield a recording per visit."""
        tool = Tool("time.perf_counter_ns", sys.version.split()[0])
        for session in sessions(job, lambda _: job.script("--serve")):
            for outcome in session.run():
                unit = f"{outcome.scenario_key}@{outcome.visit}"
                yield record(session, [outcome], collector=self.name, unit=unit, tool=tool)
