"""The `kineto` collector: CUDA kernel records by torch.profiler, where nsys is absent.

Each process has one profiler session, because a second one in the same process corrupts the times
of its first kernels (pytorch issue 192021). A recording holds a process, normally of a whole
operation.
"""

from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import ClassVar

from ...parsers.events import Trace
from ...parsers.kineto.trace import read_kineto
from ...store.recording import CollectorName, Recording
from ..job import Job
from ..record import Tool
from .collector import Probe
from .traced import TraceFault, collect_traced


class KinetoCollector:
    """Has the isolated script profile itself from its first point to its end."""

    name: ClassVar[str] = CollectorName.KINETO

    def probe(self, device: str) -> Probe:
        """Say whether the device is a GPU and torch was built with CUPTI."""
        if device == "cpu":
            return Probe(False, "torch.profiler records GPU kernels, and the device is the CPU")
        import torch

        kinds = torch.profiler.supported_activities()  # type: ignore[no-untyped-call]
        if torch.profiler.ProfilerActivity.CUDA not in kinds:
            return Probe(False, f"torch {torch.__version__} was built without CUPTI")
        return Probe(True, f"torch.profiler of torch {torch.__version__}")

    def collect(self, job: Job) -> Iterator[Recording]:
        """Yield a recording per process."""
        return collect_traced(job, self.name, _KinetoTracer())


class _KinetoTracer:
    files: tuple[str, ...] = ("trace.json.gz",)

    def __init__(self) -> None:
        self.tool = Tool("torch.profiler", metadata.version("torch"))

    def command(self, job: Job, folder: Path) -> list[str]:
        return job.script("--serve", "--kineto", str((folder / self.files[0]).absolute()))

    def finish(self, folder: Path) -> Trace:
        trace = folder / self.files[0]
        if not trace.is_file():
            raise TraceFault("torch.profiler left no trace: its process did not end by itself")
        return read_kineto(trace)
