"""How close a GPU is to its limits of heat and power: two signals from 0 to 1, with hysteresis.

A signal is 0 up to a band below the limit, 1 at the limit and above, and linear in between. It
rises at once, and falls only when the value has fallen by more than the hysteresis: what routes by
it does not follow the noise of a sensor that reads whole degrees.
"""

from dataclasses import dataclass
from math import isfinite

from ...store.errors import BadInput


@dataclass(frozen=True, slots=True)
class PressureLimits:
    """At which temperature and power the signals are 1, and over which band they rise.

    `temp_c` None is the temperature at which the GPU slows down, `power_w` None its power limit, as
    far as the device says them. The bands and hystereses of power are shares of its limit.

    Raises BadInput for a number that is not positive, and for a hysteresis as wide as its band.
    """

    temp_c: float | None = None
    power_w: float | None = None
    temp_band_c: float = 15.0
    temp_hysteresis_c: float = 2.0
    power_band: float = 0.15
    power_hysteresis: float = 0.02

    def __post_init__(self) -> None:
        for name in self.__slots__:
            value = getattr(self, name)
            if value is not None and not (isfinite(value) and value > 0):
                raise BadInput(f"{name} is {value}, and must be a positive number")
        for of in ("temp_hysteresis_c", "temp_band_c"), ("power_hysteresis", "power_band"):
            width, band = (getattr(self, name) for name in of)
            if width >= band:
                raise BadInput(f"{of[0]} is {width}, and must be less than {of[1]}, {band}")


class Pressure:
    """One signal; it remembers the value that it holds."""

    def __init__(self) -> None:
        self._held: float | None = None

    def follow(
        self, value: float | None, limit: float | None, band: float, width: float
    ) -> float | None:
        """The signal after a new value; None where the value or the limit is unknown.

        `band` and the hysteresis `width` are in the unit of the value.
        """
        if value is None or limit is None:
            self._held = None
            return None
        held = value if self._held is None else max(value, min(self._held, value + width))
        self._held = held
        return min(max((held - limit) / band + 1, 0.0), 1.0)
