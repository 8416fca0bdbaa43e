"""The end of the time that may be measured in, and how long anything may take until then."""

from dataclasses import dataclass
from math import inf
from typing import Final

from ..host_clock import SYSTEM_CLOCK, Clock, monotonic_s

GRACE_S: Final = 5.0  # for the call that runs when the budget ends


@dataclass(frozen=True, slots=True)
class Budget:
    """A budget that ends at `end_s`, a time of the monotonic clock; it is never spent without one.

    A script that is told how much is left ends by itself. One that does not is ended `GRACE_S`
    after the budget.
    """

    end_s: float = inf
    clock: Clock = SYSTEM_CLOCK

    @property
    def left_s(self) -> float:
        """Time that is left, in s; inf where there is no end."""
        return max(0.0, self.end_s - monotonic_s(self.clock))

    @property
    def is_spent(self) -> bool:
        """Whether no time is left."""
        return self.left_s == 0

    def has(self, seconds: float) -> bool:
        """Whether so much time is left."""
        return self.left_s >= seconds

    def at_most(self, seconds: float, grace_s: float = GRACE_S) -> float:
        """How long may be waited for what takes `seconds` at most, and ends with the budget."""
        return min(seconds, self.left_s + grace_s)


NO_BUDGET: Final = Budget()
