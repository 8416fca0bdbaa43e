"""What a profiler sees of a process: ranges, launches and kernels, as Kineto or nsys tell them.

The makers of the two formats import moeprof, which may be only half imported when torch is, and
this with it: so each is imported when it is used.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Self

import msgspec

Span = tuple[str, float, float]  # name, begin and end in s


@dataclass(slots=True)
class Trace:
    """Events of one process while it is on: ranges, and calls of CUDA with what they launched."""

    on: bool = False
    ranges: list[Span] = field(default_factory=list)
    calls: list[tuple[Span, list[Span]]] = field(default_factory=list)

    def launched(self, call: Span, kernels: Sequence[Span]) -> None:
        if self.on:
            self.calls.append((call, list(kernels)))

    def ranged(self, span: Span) -> None:
        if self.on:
            self.ranges.append(span)

    def write(self, path: Path) -> None:
        path.write_bytes(msgspec.json.encode(asdict(self)))

    @classmethod
    def read(cls, path: Path) -> Self:
        return msgspec.json.decode(path.read_bytes(), type=cls)

    def write_chrome(self, path: Path) -> None:
        """Write it as torch.profiler does."""
        from moeprof.tests.parsers.kineto import chrome_trace

        events = [
            chrome_trace.annotation(name, begin_s * 1e6, (end_s - begin_s) * 1e6)
            for name, begin_s, end_s in self.ranges
        ]
        for correlation, ((name, begin_s, end_s), kernels) in enumerate(self.calls, start=1):
            call = chrome_trace.launch(begin_s * 1e6, correlation)
            events.append(call | {"name": name, "dur": (end_s - begin_s) * 1e6})
            events += [
                chrome_trace.kernel(begin * 1e6, (end - begin) * 1e6, correlation, kernel)
                for kernel, begin, end in kernels
            ]
        chrome_trace.write_trace(path, events, schemaVersion=1, baseTimeNanoseconds=0)

    def write_nsys(self, path: Path) -> None:
        """Write it as nsys exports it to SQLite."""
        from moeprof.tests.nsys_file import NsysFile

        export = NsysFile(path)
        for name, begin_s, end_s in self.ranges:
            export.range(round(begin_s * 1e9), round(end_s * 1e9), name)
        for correlation, ((name, begin_s, end_s), kernels) in enumerate(self.calls, start=1):
            call = {"nameId": export.string(name)}
            export.launch(round(begin_s * 1e9), round(end_s * 1e9), correlation, **call)
            for kernel, begin, end in kernels:
                export.kernel(round(begin * 1e9), round(end * 1e9), correlation, kernel)
        export.close()
