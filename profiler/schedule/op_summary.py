"""What became of one operation in a sweep: what was measured, what failed, and what is left."""

from dataclasses import dataclass, field

from ...store.recording import Failure


@dataclass(slots=True)
class OpSummary:
    """What became of one operation under one collector in this sweep.

    `disturbed` counts the repeats and loads, idle ones too, while the device was not quiet. Sizes
    `unmeasured`, and those `measured_once`, lacked the time for more.
    """

    op: str
    collector: str
    measured: int = 0
    recalled: int = 0
    disturbed: int = 0
    failures: list[Failure] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    unmeasured: list[int] = field(default_factory=list)
    measured_once: list[int] = field(default_factory=list)
