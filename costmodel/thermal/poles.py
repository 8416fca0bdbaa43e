"""A GPU's temperature as a sum of first-order poles driven by its power.

    T(t) = T_inlet + sum_i x_i(t),    tau_i dx_i/dt = R_i P(t) - x_i(t)

The die settles within a second, the heat spreader within several, the heat sink within minutes, so
that one pole is not enough; a step of five minutes cannot resolve more than three.
"""

import math
from collections.abc import Mapping

from ...store.cost_model import ThermalResponse


class ThermalModel(ThermalResponse):
    """A thermal response that predicts temperatures over time at constant power."""

    __slots__ = ()

    @property
    def r_c_per_w(self) -> float:
        """Steady rise per W, in degC/W: the sum over the poles."""
        return sum(pole.r_c_per_w for pole in self.poles)

    def steady_rise_c(self, power_w: float) -> float:
        """Steady rise above the inlet temperature at `power_w`, in degC."""
        return self.r_c_per_w * power_w

    def temperature_c(self, power_w: float, temp_now_c: float, after_s: float) -> float:
        """Temperature in degC after `after_s` seconds at constant `power_w`.

        The present rise is divided among the poles as in a steady state, which is inexact for a
        device whose temperature has just changed.
        """
        rise_c = temp_now_c - self.inlet_c
        return self.inlet_c + sum(
            pole.r_c_per_w * power_w
            + (rise_c * pole.r_c_per_w / self.r_c_per_w - pole.r_c_per_w * power_w)
            * math.exp(-after_s / pole.tau_s)
            for pole in self.poles
        )

    def time_to_limit_s(self, power_w: float, temp_now_c: float, limit_c: float) -> float | None:
        """Seconds at `power_w` until `limit_c`; 0 where already there, None where never."""
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
        """Largest batch size that stays below `limit_c` for `for_s` seconds (may be infinite).

        `power_w` maps batch size to power under a steady load. None where no size does.
        """
        safe = [
            size
            for size, watts in power_w.items()
            if (reached_s := self.time_to_limit_s(watts, temp_now_c, limit_c)) is None
            or reached_s > for_s
        ]
        return max(safe, default=None)
