"""What ran when in a mixed workload: `replay.json`, beside the power log of its recording."""

from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

from .document import Count, Size
from .provenance import Surroundings
from .text.shareable import share


@dataclass(frozen=True, slots=True)
class Segment:
    """Repeated launches of one operation at one size in [begin_ns, end_ns] (CLOCK_MONOTONIC)."""

    op: str
    tokens: Size
    begin_ns: Count
    end_ns: Count
    launches: Count

    def __post_init__(self) -> None:
        if self.end_ns < self.begin_ns:
            raise ValueError(f"ends at {self.end_ns} ns, before it begins at {self.begin_ns} ns")


@dataclass(frozen=True, slots=True)
class Note:
    """Why one operation at one size was left out, or launched one by one."""

    op: str
    tokens: Size
    reason: str

    def __post_init__(self) -> None:
        share(self, "reason")


@dataclass(frozen=True, slots=True)
class MixedWorkload:
    """The segments of a mixed workload in order of time, under the key `stretches`.

    Between segments nothing ran. `left_out` are the sizes that could not be run;
    `launched_one_by_one` are those whose calls could not be captured into a CUDA graph.
    `surroundings` are those of the whole time, None where nobody looked.
    """

    # History, newest first. 1.1: surroundings. 1.0: the first.
    SCHEMA: ClassVar[str] = "moeprof.replay/1.1"
    WAY_OUT: ClassVar[str] = "delete its folder, and measure again: moeprof validate --against nvml"

    stretches: tuple[Segment, ...]
    left_out: tuple[Note, ...] = ()
    launched_one_by_one: tuple[Note, ...] = ()
    surroundings: Surroundings | None = None

    def __post_init__(self) -> None:
        if not self.stretches:
            raise ValueError("has no stretches, and a mixed workload has one at least")
        for earlier, later in pairwise(self.stretches):
            if later.begin_ns < earlier.end_ns:
                raise ValueError(f"has a stretch at {later.begin_ns} ns that begins in another one")
