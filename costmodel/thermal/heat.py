"""What the poles of a recorded step tell: steady rises, or why none, and sizes that stay cool."""

from math import isfinite
from typing import Final

import numpy as np

from ...stats.arrays import Float64, Int64
from ...store.cost_model import CostModelFile, Thermal, ThermalResponse
from ...store.errors import BadInput
from ..curve.costs import CurveCosts
from .poles import ThermalModel

NO_STEP: Final = "no step in power was recorded: `moeprof profile --thermal-step` takes one"


def heat_in_words(thermal: Thermal) -> str:
    """Say how power becomes heat: the steady rise, the poles and their fit, and the leakage."""
    rise = f"{thermal.r_c_per_w:.3g} K for each W above idle"
    if thermal.source is not None:
        rise = f"{rise}, by {thermal.source}"
    poles = ", ".join(f"{one.r_c_per_w:.2g} K/W in {one.tau_s:.3g} s" for one in thermal.step.poles)
    bound = why_lower_bound(thermal)
    fit = f"{poles}; fitted to {thermal.n} readings within {thermal.step.rmse_c:.2g} K"
    return f"{rise}; {bound or 'steady'}; poles: {fit}{_leakage_in_words(thermal)}"


def _leakage_in_words(thermal: Thermal) -> str:
    if thermal.leakage_w_per_c is None:
        return "" if thermal.leakage_reason is None else f"; no leakage: {thermal.leakage_reason}"
    slope = f"{thermal.leakage_w_per_c:.2g} ± {thermal.leakage_w_per_c_ci95:.1g} W/°C"
    return f"; leakage: {slope} from {thermal.reference_temp_c:.3g} °C"


def why_no_heat(file: CostModelFile) -> str | None:
    """Say why a model knows of no heat; None where it does."""
    return None if file.thermal is not None else file.thermal_reason or NO_STEP


def why_lower_bound(thermal: Thermal | None) -> str | None:
    """Say why a steady rise is a lower bound; None where it is none."""
    if thermal is None or not thermal.step.slow_is_bound:
        return None
    return (
        f"a lower bound: the recorded step of {thermal.step.hot_s:g} s is shorter than two of its "
        "slowest time constants"
    )


def thermal_safe_batch_size(
    found: CurveCosts,
    file: CostModelFile,
    *,
    max_temp_c: float,
    current_temp_c: float,
    for_s: float,
) -> int | None:
    """Find the largest batch size of a curve's domain that keeps the device at `max_temp_c`.

    That is by the poles of the step, at the power of each size for `for_s` seconds, which may be
    infinite, from `current_temp_c` on. None where even the smallest does not. Raises BadInput where
    no heat is known, or not for so long.
    """
    if not (isfinite(max_temp_c) and isfinite(current_temp_c) and for_s > 0):
        raise BadInput(
            f"{current_temp_c} °C now and a limit of {max_temp_c} °C for {for_s} s are no question",
            hint="name two temperatures, and a time above 0",
        )
    domain = found.curve.domain
    sizes = np.arange(domain.first_tokens, domain.last_tokens + 1, dtype=np.int64)
    power_w = _known(sizes, found.costs(sizes).power_w)
    if file.thermal is None or not power_w:
        raise BadInput(
            f"the heat of {found.curve.op} is not known: "
            f"{why_no_heat(file) or found.curve.energy_reason}",
            hint="profile it with power, and with --thermal-step",
        )
    _check_long_enough(file.thermal, for_s)
    model = _asked(file.thermal.step)
    return model.safe_batch_size(power_w, current_temp_c, max_temp_c, for_s)


def _check_long_enough(thermal: Thermal, for_s: float) -> None:
    reason = why_lower_bound(thermal)
    if reason is not None and for_s > thermal.step.hot_s:
        raise BadInput(
            f"the temperature after {for_s:g} s is not known: its rise is {reason}",
            hint=f"ask for_s={thermal.step.hot_s:g} at most, or record a longer step",
        )


def _asked(step: ThermalResponse) -> ThermalModel:
    return ThermalModel(step.poles, step.inlet_c, step.rmse_c, step.hot_s)


def _known(sizes: Int64, power_w: Float64) -> dict[int, float]:
    known = np.isfinite(power_w)
    return dict(zip(sizes[known].tolist(), power_w[known].tolist(), strict=True))
