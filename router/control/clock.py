"""A time that only goes on, from one that may stand, jump, run back or be none."""

import logging
from math import isfinite
from typing import Final

_FIRST_S: Final = 0.1  # between two ticks, before it is known
_LONGEST_S: Final = 60.0  # after so long nothing counts that was before
_USUAL_S: Final = 2.0  # a longer time between two ticks is no usual one
_STANDS_TICKS: Final = 10  # at one time: fewer are readings that came twice

_log = logging.getLogger(__name__)


class TickClock:
    """Makes one time of the times of ticks: `now_s` ascends from 0, just before the first of them.

    A time that is not finite, runs back, or stands for more than ten ticks is wrong: then the usual
    time between two ticks has passed. More than 60 s between two ticks count as 60 s. The first
    wrong time and the first right one after it are logged.
    """

    def __init__(self) -> None:
        self.now_s = 0.0
        self._last_s: float | None = None
        self._usual_s = _FIRST_S
        self._stood = 0
        self._was_wrong = False

    def advance(self, at_s: float) -> bool:
        """Take the time of the next tick; tell whether time has passed since the one before."""
        if self._last_s is None and isfinite(at_s):
            self._last_s = at_s
            self.now_s += self._usual_s
            return True
        passed_s = at_s - (self._last_s or 0.0)
        self._stood = self._stood + 1 if passed_s == 0 else 0
        if passed_s == 0 and self._stood <= _STANDS_TICKS:
            return False
        is_wrong = not (isfinite(passed_s) and passed_s > 0)
        self._log_change(is_wrong, at_s)
        if isfinite(at_s):
            self._last_s = at_s
        if not is_wrong and passed_s <= _USUAL_S:
            self._usual_s = passed_s
        self.now_s += self._usual_s if is_wrong else min(passed_s, _LONGEST_S)
        return True

    def _log_change(self, is_wrong: bool, at_s: float) -> None:
        if is_wrong and not self._was_wrong:
            _log.warning(
                "the clock of the telemetry is wrong: %s s after %s s; taken for %.3g s later",
                at_s, self._last_s, self._usual_s,
            )  # fmt: skip
        if self._was_wrong and not is_wrong:
            _log.warning("the clock of the telemetry goes on, at %s s", at_s)
        self._was_wrong = is_wrong
