"""A GPU's temperature as a sum of first-order poles driven by its power.

    T(t) = T_inlet + sum_i x_i(t),    tau_i dx_i/dt = R_i P(t) - x_i(t)

A die settles within a second, the heat spreader in some, the heat sink in minutes: one pole is not
enough, and a step of five minutes shows no more than three.
"""

import math
from collections.abc import Mapping

from ...store.cost_model import ThermalResponse


class ThermalModel(ThermalResponse):
    """A fitted step; `rmse_c` is its distance from the middles of the readings' intervals."""

    __slots__ = ()

    @property
    def r_c_per_w(self) -> float:
        """Resistance of all poles together: steady rise per watt."""
        return sum(pole.r_c_per_w for pole in self.poles)

    def steady_rise_c(self, power_w: float) -> float:
        """Rise above the inlet at this power for ever, degC."""
        return self.r_c_per_w * power_w

    def temperature_c(self, power_w: float, temp_now_c: float, after_s: float) -> float:
        """Temperature after `after_s` at constant power.

        What is warm now is taken to be shared among the poles as in a steady state: a GPU that has
        just cooled down or warmed up is a little off at first.
        """
        rise_c = temp_now_c - self.inlet_c
        return self.inlet_c + sum(
            pole.r_c_per_w * power_w
            + (rise_c * pole.r_c_per_w / self.r_c_per_w - pole.r_c_per_w * power_w)
            * math.exp(-after_s / pole.tau_s)
            for pole in self.poles
        )

    def time_to_limit_s(self, power_w: float, temp_now_c: float, limit_c: float) -> float | None:
        """Seconds at this power until the limit; 0 at it, None where it is never reached."""
        from scipy.optimize import brentq  # here: a look-up alone does not load scipy

        if temp_now_c >= limit_c:
            return 0.0
        if self.inlet_c + self.steady_rise_c(power_w) <= limit_c:
            return None
        longest_s = 100 * max(pole.tau_s for pole in self.poles)

        def missing_c(after_s: float) -> float:
            return self.temperature_c(power_w, temp_now_c, after_s) - limit_c

        return None if missing_c(longest_s) < 0 else float(brentq(missing_c, 0, longest_s))

    def safe_batch_size(
        self, power_w: Mapping[int, float], temp_now_c: float, limit_c: float, for_s: float
    ) -> int | None:
        """Largest batch size that stays below the limit for `for_s` (may be infinite).

        `power_w` maps batch size to sustained power. None where not even one does.
        """
        safe = [
            size
            for size, watts in power_w.items()
            if (reached_s := self.time_to_limit_s(watts, temp_now_c, limit_c)) is None
            or reached_s > for_s
        ]
        return max(safe, default=None)
