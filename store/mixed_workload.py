"""What ran when in a mixed workload: `replay.json`, beside the power log of its recording."""

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Segment:
    """Repeated launches of one operation at one size in [begin_ns, end_ns] (CLOCK_MONOTONIC)."""

    op: str
    tokens: int
    begin_ns: int
    end_ns: int
    launches: int


@dataclass(frozen=True, slots=True)
class Note:
    """Why one operation at one size was left out, or launched one by one."""

    op: str
    tokens: int
    reason: str


@dataclass(frozen=True, slots=True)
class MixedWorkload:
    """The segments of a mixed workload in order of time, under the key `stretches`.

    Between segments nothing ran. `left_out` are the sizes that could not be run;
    `launched_one_by_one` are those whose calls could not be captured into a CUDA graph.
    """

    SCHEMA: ClassVar[str] = "moeprof.replay/1.0"

    stretches: tuple[Segment, ...]
    left_out: tuple[Note, ...] = ()
    launched_one_by_one: tuple[Note, ...] = ()
