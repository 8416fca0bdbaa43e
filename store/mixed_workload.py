"""What ran when in a mixed replay: `replay.json`, beside the log of the sensors."""

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Segment:
    """One operation at one size, over and over, from `begin_ns` to `end_ns` (CLOCK_MONOTONIC)."""

    op: str
    tokens: int
    begin_ns: int
    end_ns: int
    launches: int


@dataclass(frozen=True, slots=True)
class Note:
    """What is to be said of one operation at one size."""

    op: str
    tokens: int
    reason: str


@dataclass(frozen=True, slots=True)
class MixedWorkload:
    """The stretches of a mixed replay in order of time; in what lies between them nothing ran.

    `left_out` are the sizes that could not be run; `launched_one_by_one` are those whose calls a
    CUDA graph could not hold.
    """

    SCHEMA: ClassVar[str] = "moeprof.replay/1.0"

    stretches: tuple[Segment, ...]
    left_out: tuple[Note, ...] = ()
    launched_one_by_one: tuple[Note, ...] = ()
