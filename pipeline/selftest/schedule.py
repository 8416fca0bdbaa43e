"""The steps in the order in which they tell most, and the share of the budget that each may take.

What a step leaves of its share goes to the next ones, so the sum is bounded and a slow machine
loses the last steps, not the first.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Final

from .results import Facts
from .work import Work


@dataclass(frozen=True, slots=True)
class Step:
    """One step: its name, what it does in words, its function, and its share of the budget.

    `source` is the step that makes what this one reads, if any.
    The function is named as `module.function` of steps/: what it imports is loaded in the step's
    own process alone.
    """

    name: str
    what: str
    function: str
    share: float
    source: str | None = None

    def run(self, work: Work) -> Facts:
        """Run the step in this process."""
        module, _, function = self.function.partition(".")
        found: Callable[[Work], Facts] = getattr(
            import_module(f".steps.{module}", __package__), function
        )
        return found(work)


STEPS: Final = (
    Step("doctor", "what this machine can measure", "machine.examine_machine", 0.20),
    Step("kernels", "kernels against float64, and again bit by bit", "kernels.check_kernels", 0.18),
    Step("sweep", "a short sweep with its power pass", "sweep.sweep", 0.35),
    Step("model", "recordings to a cost model", "model.fit_model", 0.08, "sweep"),
    Step("verdict", "the model against held-out sizes", "verdict.judge_model", 0.04, "model"),
    Step("counters", "hardware counters, cold and hot", "counters.read_counters", 0.10),
    Step("idle", "power and clocks of the idle device", "idle.watch_idle", 0.04),
)


def ends_s(budget_s: float) -> dict[str, float]:
    """Map each step to the end of its time, in s since the selftest began."""
    ends, end_s = {}, 0.0
    for step in STEPS:
        end_s += step.share * budget_s
        ends[step.name] = end_s
    return ends
