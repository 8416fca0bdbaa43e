"""What a fitted step in power makes of a cost model: steady rises, and sizes that stay cool."""

from dataclasses import replace
from math import inf, isfinite
from typing import Final

import numpy as np
import pyarrow as pa

from ..store.cost_model import CostModelFile, Pole, Thermal, ThermalStep
from ..store.errors import BadInput
from .curve import Floats, Ints
from .curve_cost import CurveCosts
from .rows import rounded
from .seal import sealed
from .thermal import ThermalModel, choose_poles

_WORST_MISS: Final = 0.15  # of the temperature's range: root mean square of what the poles leave


def with_thermal(
    file: CostModelFile, fitted: ThermalModel, readings: int, source: str
) -> CostModelFile:
    """Give a cost model the poles of a recorded step, fitted to this many `readings` of `source`.

    The steady rise of all its curves is then that of the poles; leakage stays as it was.
    """
    known = Thermal(0.0, 0) if file.thermal is None else file.thermal
    poles = tuple(Pole(rounded(one.tau_s), rounded(one.r_c_per_w)) for one in fitted.poles)
    others = (rounded(value) for value in (fitted.inlet_c, fitted.rmse_c, fitted.hot_s))
    step = ThermalStep(poles, *others)
    rise = rounded(fitted.r_c_per_w)
    thermal = replace(known, r_c_per_w=rise, n=readings, step=step, source=source)
    return sealed(replace(file, thermal=thermal, thermal_reason=None))


def with_step(file: CostModelFile, samples: pa.Table) -> CostModelFile:
    """Fit poles to the table `thermal_samples` of a recorded step, and give them to a cost model.

    Where the step failed, or no poles fit it, the model keeps what heat it has, or the reason.
    """
    failure = next(iter(samples["failure"].drop_null().to_pylist()), None)
    if failure is not None:
        return _without_heat(file, f"the thermal step failed: {failure}")
    time_s = samples["time_ns"].to_numpy() / 1e9
    power_w, temp_c = samples["power_w"].to_numpy(), samples["temp_c"].to_numpy()
    try:
        fitted = choose_poles(time_s - time_s.min(initial=inf), power_w, temp_c)
    except BadInput as refusal:
        return _without_heat(file, f"the thermal step: {refusal.message}")
    missed = fitted.rmse_c / float(np.ptp(temp_c))
    if missed > _WORST_MISS:
        reason = f"no poles fit the thermal step: they miss it by {missed:.0%} of its rise"
        return _without_heat(file, reason)
    return with_thermal(file, fitted, len(samples), samples["source"][0].as_py())


def heat_in_words(thermal: Thermal) -> str:
    """Say how power becomes heat: the steady rise, the poles, and what they were fitted to."""
    rise = f"{thermal.r_c_per_w:.3g} K for each W above idle"
    if thermal.source is not None:
        rise = f"{rise}, by {thermal.source}"
    if thermal.step is None:
        return f"{rise}; steady"
    poles = ", ".join(f"{one.r_c_per_w:.2g} K/W in {one.tau_s:.3g} s" for one in thermal.step.poles)
    bound = why_lower_bound(thermal)
    fit = f"{poles}; fitted to {thermal.n} readings within {thermal.step.rmse_c:.2g} K"
    return f"{rise}; {bound or 'steady'}; poles: {fit}"


def _without_heat(file: CostModelFile, reason: str) -> CostModelFile:
    return file if file.thermal is not None else sealed(replace(file, thermal_reason=reason))


def why_lower_bound(thermal: Thermal | None) -> str | None:
    """Say why a steady rise is a lower bound; None where it is none."""
    if thermal is None or thermal.step is None or not thermal.step.slow_is_bound:
        return None
    return (
        f"a lower bound: the recorded step of {thermal.step.hot_s:g} s is shorter than two of its "
        "slowest time constants"
    )


def thermal_safe_batch_size(
    found: CurveCosts,
    thermal: Thermal | None,
    *,
    max_temp_c: float,
    current_temp_c: float,
    for_s: float,
) -> int | None:
    """Find the largest batch size of a curve's domain that keeps the device at `max_temp_c`.

    With the poles of a step, at the power of each size for `for_s` seconds, which may be infinite;
    without, at its steady rise above `current_temp_c`. None where even the smallest does not.
    Raises BadInput where no heat is known, or not for so long.
    """
    if not (isfinite(max_temp_c) and isfinite(current_temp_c) and for_s > 0):
        raise BadInput(
            f"{current_temp_c} °C now and a limit of {max_temp_c} °C for {for_s} s are no question",
            hint="name two temperatures, and a time above 0",
        )
    domain = found.curve.domain
    sizes = np.arange(domain.first_tokens, domain.last_tokens + 1, dtype=np.int64)
    costs = found.costs(sizes)
    power_w = costs.power_w
    if thermal is not None and thermal.step is not None and np.isfinite(power_w).any():
        _check_long_enough(thermal, for_s)
        model = _asked(thermal.step)
        return model.safe_batch_size(_known(sizes, power_w), current_temp_c, max_temp_c, for_s)
    rises = costs.temp_rise_c
    if np.isnan(rises).all():
        raise BadInput(
            f"the heat of {found.curve.op} is not known: {found.curve.temp_rise_reason}",
            hint="profile it with power and temperature",
        )
    safe = sizes[current_temp_c + rises <= max_temp_c]
    return int(safe[-1]) if len(safe) else None


def _check_long_enough(thermal: Thermal, for_s: float) -> None:
    reason = why_lower_bound(thermal)
    if reason is not None and thermal.step is not None and for_s > thermal.step.hot_s:
        raise BadInput(
            f"the temperature after {for_s:g} s is not known: its rise is {reason}",
            hint=f"ask for_s={thermal.step.hot_s:g} at most, or record a longer step",
        )


def _asked(step: ThermalStep) -> ThermalModel:
    return ThermalModel(step.poles, step.inlet_c, step.rmse_c, step.hot_s)


def _known(sizes: Ints, power_w: Floats) -> dict[int, float]:
    known = np.isfinite(power_w)
    return dict(zip(sizes[known].tolist(), power_w[known].tolist(), strict=True))
