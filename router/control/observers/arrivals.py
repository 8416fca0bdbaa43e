"""The rate at which tokens arrive, smoothed with its trend, and quick where it steps."""

from math import exp, sqrt
from typing import Final

from .confirmed import Confirmed

_SMOOTHED_S: Final = 0.4
_SPREAD_S: Final = 20.0
_FIRST_SPREAD: Final = 0.1  # standard deviation of a reading, relative
_FAR_SPREADS: Final = 4.0
_STEP_READINGS: Final = 2


class ArrivalRate:
    """A filter of level and trend, which follows a slow rise without a lag."""

    def __init__(self) -> None:
        self.per_s: float | None = None
        self._trend_per_s2 = 0.0
        self._variance = 0.0
        self._confirmed = Confirmed(_STEP_READINGS)

    def learn(self, per_s: float, elapsed_s: float) -> bool:
        """Take a reading in tokens/s, `elapsed_s` after the one before; tell whether it counts."""
        if self.per_s is None:
            self.per_s, self._variance = per_s, (_FIRST_SPREAD * per_s) ** 2
            return True
        foreseen_per_s = max(0.0, self.per_s + self._trend_per_s2 * elapsed_s)
        error_per_s = per_s - foreseen_per_s
        far_per_s = _FAR_SPREADS * sqrt(self._variance)
        kind = self._confirmed.judge(error_per_s, far_per_s)
        if kind == "doubted":
            return False
        if kind == "step":
            self.per_s, self._trend_per_s2 = per_s, 0.0
            self._variance = max(self._variance, (_FIRST_SPREAD * per_s) ** 2)
            return True
        gain = 1 - exp(-elapsed_s / _SMOOTHED_S)
        self.per_s = max(0.0, foreseen_per_s + gain * error_per_s)
        self._trend_per_s2 += gain**2 / (2 - gain) * error_per_s / elapsed_s
        self._variance += (1 - exp(-elapsed_s / _SPREAD_S)) * (error_per_s**2 - self._variance)
        return True
