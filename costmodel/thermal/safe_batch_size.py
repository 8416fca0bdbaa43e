"""The largest batch size whose power keeps the device below a temperature."""

from dataclasses import dataclass, fields
from math import inf, isfinite
from numbers import Real

import numpy as np

from ...store.cost_model import CostModelFile, Thermal
from ...store.errors import BadInput, check_type
from ..curve.costs import CurveCosts
from .description import why_lower_bound, why_no_thermal
from .poles import ThermalModel


@dataclass(frozen=True, slots=True)
class ThermalLimit:
    """Stay at `max_temp_c` or less for `for_s` seconds (may be infinite), from `current_temp_c`.

    Raises BadInput for a temperature that is not finite and for a time that is not positive.
    """

    max_temp_c: float
    current_temp_c: float
    for_s: float = inf

    def __post_init__(self) -> None:
        for field in fields(self):
            check_type(field.name, getattr(self, field.name), Real)
        if not (isfinite(self.max_temp_c) and isfinite(self.current_temp_c) and self.for_s > 0):
            raise BadInput(
                f"{self.current_temp_c} °C now and a limit of {self.max_temp_c} °C for "
                f"{self.for_s} s are no question",
                hint="name two temperatures, and a time above 0",
            )


def thermal_safe_batch_size(
    found: CurveCosts, file: CostModelFile, limit: ThermalLimit
) -> int | None:
    """Largest batch size of a curve's domain whose steady power stays within `limit`.

    By the poles of the model's recorded step. None where even the smallest size exceeds the limit.
    Raises BadInput where the power or the thermal response is unknown, or known for a shorter time.
    """
    domain = found.curve.domain
    sizes = np.arange(domain.first_tokens, domain.last_tokens + 1, dtype=np.int64)
    power_w = found.costs(sizes).power_w
    known = np.isfinite(power_w)
    if file.thermal is None or not known.any():
        raise BadInput(
            f"the heat of {found.curve.op} is not known: "
            f"{why_no_thermal(file) or found.curve.energy_reason}",
            hint="profile it with power, and with --thermal-step",
        )
    _check_long_enough(file.thermal, limit.for_s)
    step = file.thermal.step
    model = ThermalModel(step.poles, step.inlet_c, step.rmse_c, step.hot_s)
    powers_w = dict(zip(sizes[known].tolist(), power_w[known].tolist(), strict=True))
    return model.safe_batch_size(powers_w, limit.current_temp_c, limit.max_temp_c, limit.for_s)


def _check_long_enough(thermal: Thermal, for_s: float) -> None:
    reason = why_lower_bound(thermal)
    if reason is not None and for_s > thermal.step.hot_s:
        raise BadInput(
            f"the temperature after {for_s:g} s is not known: its rise is {reason}",
            hint=f"ask for_s={thermal.step.hot_s:g} at most, or record a longer step",
        )
