"""What one collector is to measure of one operation."""

import sys
from collections.abc import Callable
from dataclasses import dataclass

from ..store.plan import OpPlan, Plan
from ..store.provenance import Provenance
from ..store.run import Run
from .host_clock import SYSTEM_CLOCK, Clock
from .schedule.repeat import Repeat
from .schedule.schedule import Schedule
from .watch import NO_WATCH, Watch


@dataclass(frozen=True, slots=True)
class Job:
    """One operation to be measured by one collector.

    `on_point` is called with each repeat before it is measured. The descriptors `kept_fds` (of
    locks) stay open in every process that measures; `watch` sees what goes on beside them.
    """

    run: Run
    plan: Plan
    op_plan: OpPlan
    schedule: Schedule
    provenance: Provenance
    on_point: Callable[[Repeat], None]
    clock: Clock = SYSTEM_CLOCK
    kept_fds: tuple[int, ...] = ()
    watch: Watch = NO_WATCH

    def script(self, *arguments: str) -> list[str]:
        """Command that runs the operation's isolated script.

        With -P no other file of its folder is imported, whatever name it has.
        """
        script = self.run.script(self.op_plan.op).absolute()  # such as -x/scripts is no option
        return [sys.executable, "-P", str(script), *arguments]
