"""The temperature as it is observed, and the power that keeps it below a limit."""

from collections.abc import Sequence
from math import exp, inf
from typing import Final

from ....store.cost_model import Pole
from .confirmed import Confirmed

ASSUMED_POLES: Final = (Pole(3.6, 0.036), Pole(48.0, 0.028))
_HALF_STEP_C: Final = 0.5  # the sensor gives whole degC, rounded down
_OBSERVED_S: Final = 10.0  # time constant of both corrections
_FAR_C: Final = 6.0
_STEP_READINGS: Final = 3
_MOST_C: Final = 3.0  # a larger error of one reading says no more than this one
_STUCK_C: Final = 5.0  # power alone has moved the temperature so far, and the reading stands
_LONGEST_S: Final = 1.0  # between two readings, for what one of them may correct


class HeatObserver:
    """Follows the poles of a thermal response: T = slow + sum of the fast rises.

    Each fast rise follows R_i P within tau_i. `slow` is the temperature of the slowest mass, which
    follows ambient + R P within its own time constant; it and the ambient are corrected by what the
    sensor reads, so that resistances that are off by a third, and an ambient that changes, show as
    an ambient. `poles` are those of the cost model; without them, those of a large GPU are assumed.
    """

    def __init__(self, poles: Sequence[Pole] | None = None) -> None:
        *self._fast, self._slow = sorted(poles or ASSUMED_POLES, key=lambda pole: pole.tau_s)
        self._rises_c = [0.0] * len(self._fast)
        self._slow_c: float | None = None
        self.ambient_c = 0.0
        self._confirmed = Confirmed(_STEP_READINGS)
        self._last_c: float | None = None
        self._moved_c = 0.0  # by power alone, since the reading changed

    @property
    def temp_c(self) -> float | None:
        """Temperature as observed; None before the first reading."""
        return None if self._slow_c is None else self._slow_c + sum(self._rises_c)

    @property
    def stuck(self) -> bool:
        """Whether the reading stands although the power must have moved it."""
        return abs(self._moved_c) > _STUCK_C

    def step(self, power_w: float, elapsed_s: float) -> None:
        """Let `power_w` heat the GPU for `elapsed_s`."""
        before_c = self.temp_c
        if self._slow_c is None or before_c is None:
            return
        for at, pole in enumerate(self._fast):
            self._rises_c[at] += _share(elapsed_s, pole.tau_s) * (
                pole.r_c_per_w * power_w - self._rises_c[at]
            )
        goal_c = self.ambient_c + self._slow.r_c_per_w * power_w
        self._slow_c += _share(elapsed_s, self._slow.tau_s) * (goal_c - self._slow_c)
        self._moved_c += self._slow_c + sum(self._rises_c) - before_c

    def learn(self, temp_c: float, power_w: float, elapsed_s: float) -> None:
        """Take a reading at the end of a step; the first is taken for a steady state."""
        read_c = temp_c + _HALF_STEP_C
        if self._slow_c is None:
            self._rises_c = [pole.r_c_per_w * power_w for pole in self._fast]
            self._slow_c = read_c - sum(self._rises_c)
            self.ambient_c = self._slow_c - self._slow.r_c_per_w * power_w
            return
        if temp_c != self._last_c:
            self._last_c, self._moved_c = temp_c, 0.0
        error_c = read_c - self._slow_c - sum(self._rises_c)
        if self._confirmed.judge(error_c, _FAR_C) == "doubted" or self.stuck:
            return
        error_c = max(-_MOST_C, min(_MOST_C, error_c))
        elapsed_s = min(elapsed_s, _LONGEST_S)
        observed_s, slow_s = _OBSERVED_S, self._slow.tau_s
        self._slow_c += elapsed_s * max(0.0, 2 / observed_s - 1 / slow_s) * error_c
        self.ambient_c += elapsed_s * slow_s / observed_s**2 * error_c

    def power_for(self, limit_c: float, ahead_s: float) -> float:
        """Constant power in W at which the temperature is `limit_c` in `ahead_s` from now.

        Infinite before the first reading.
        """
        if self._slow_c is None:
            return inf
        moved = _share(ahead_s, self._slow.tau_s)
        left_c = self._slow_c + moved * (self.ambient_c - self._slow_c)
        per_w = moved * self._slow.r_c_per_w
        for pole, rise_c in zip(self._fast, self._rises_c, strict=True):
            part = _share(ahead_s, pole.tau_s)
            left_c += (1 - part) * rise_c
            per_w += part * pole.r_c_per_w
        return (limit_c - left_c) / per_w


def _share(elapsed_s: float, tau_s: float) -> float:
    """Part of the way that a first-order system goes in `elapsed_s`."""
    return 1 - exp(-elapsed_s / tau_s)
