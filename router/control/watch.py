"""Tells telemetry that is lost or frozen, and passes on what can be believed."""

from dataclasses import replace
from math import isfinite
from typing import Any, Final, Literal

import numpy as np

from ...store.errors import BadInput
from .controller import Telemetry

Fault = Literal["lost", "frozen", "beyond its controller"]

_MOST: Final = 1e12  # no reading is larger
_RATE_MOVED: Final = 0.02  # arrivals have changed by so much, and the power stands to the last bit
_FROZEN_HOLDS: Final = 5.0  # the power may stand for so many times `hold_s` without a reason


class SensorWatch:
    """Watches one GPU's readings; `hold_s` is how long it waits for one before it calls a fault.

    Raises BadInput for a time that is not positive.
    """

    def __init__(self, hold_s: float) -> None:
        if not (isfinite(hold_s) and hold_s > 0):
            raise BadInput(f"hold_s is {hold_s} s, and must be a time above 0")
        self._hold_s = hold_s
        self._last_w: float | None = None
        self._seen_s: float | None = None  # when the power was last read
        self._temp_seen_s: float | None = None
        self._changed_s = 0.0  # when it was last another than before
        self._rates_per_s: tuple[float, float] | None = None  # smallest and largest since

    def see(self, telemetry: Telemetry) -> tuple[Telemetry, Fault | None]:
        """Give the telemetry without what cannot be believed, and the fault if there is one.

        A power that is equal to the last bit to the one before is no news. Under a fault no reading
        of the GPU is passed on; the rate of arrivals is not the GPU's.
        """
        believed = _believed(telemetry)
        if self._seen_s is None:
            self._seen_s = self._changed_s = believed.at_s
        if believed.power_w is None:
            lost = believed.at_s - self._seen_s >= self._hold_s
            return _blind(believed), "lost" if lost else None
        self._seen_s = believed.at_s
        if believed.power_w != self._last_w:
            self._last_w, self._changed_s, self._rates_per_s = believed.power_w, believed.at_s, None
            return believed, None
        if self._is_frozen(believed):
            return _blind(believed), "frozen"
        return replace(believed, power_w=None), None

    def temp_is_lost(self, believed: Telemetry) -> bool:
        """Whether no temperature has been read for `hold_s`, up to this telemetry."""
        if believed.temp_c is not None or self._temp_seen_s is None:
            self._temp_seen_s = believed.at_s
        return believed.at_s - self._temp_seen_s >= self._hold_s

    def _is_frozen(self, telemetry: Telemetry) -> bool:
        stands_s = telemetry.at_s - self._changed_s
        rate_per_s = telemetry.tokens_per_s
        if rate_per_s is not None:
            low, high = self._rates_per_s or (rate_per_s, rate_per_s)
            self._rates_per_s = min(low, rate_per_s), max(high, rate_per_s)
        low, high = self._rates_per_s or (0.0, 0.0)
        moved = high - low > _RATE_MOVED * high
        return stands_s >= self._hold_s * (1.0 if moved else _FROZEN_HOLDS)


def _blind(telemetry: Telemetry) -> Telemetry:
    return replace(telemetry, power_w=None, temp_c=None)


def _believed(telemetry: Telemetry) -> Telemetry:
    """Leave out numbers that no sensor can mean: NaN, negative, or beyond all measure."""
    wrong: dict[str, Any] = {
        name: None
        for name in ("power_w", "temp_c", "tokens_per_s", "latency_s")
        if (value := getattr(telemetry, name)) is not None
        and not (abs(value) <= _MOST and (value >= 0 or name == "temp_c"))
    }
    shares = telemetry.shares
    if shares is not None and not (np.isfinite(shares).all() and (shares >= 0).all()):
        wrong["shares"] = None
    return replace(telemetry, **wrong) if wrong else telemetry
