"""Add the thermal response to a cost model: poles and leakage from a recorded step in power."""

from dataclasses import replace
from math import inf
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...store.cost_model import CostModelFile, Pole, Thermal, ThermalResponse
from ...store.errors import BadInput
from ..checksum import with_checksum
from ..rows import rounded
from .leakage import Leakage, fit_leakage
from .poles import ThermalModel

_MAX_RMSE: Final = 0.15  # RMSE of the poles, relative to the range of the temperature


def with_thermal(
    file: CostModelFile,
    fitted: ThermalModel,
    readings: int,
    source: str,
    leakage: Leakage | None = None,
) -> CostModelFile:
    """Add the poles of a step that were fitted to this many `readings` of the sensor `source`."""
    poles = tuple(Pole(rounded(one.tau_s), rounded(one.r_c_per_w)) for one in fitted.poles)
    others = (rounded(value) for value in (fitted.inlet_c, fitted.rmse_c, fitted.hot_s))
    thermal = Thermal(
        rounded(fitted.r_c_per_w), readings, ThermalResponse(poles, *others), source=source
    )
    if leakage is not None:
        thermal = _with_leakage(thermal, leakage)
    return with_checksum(replace(file, thermal=thermal, thermal_reason=None))


def _with_leakage(thermal: Thermal, leakage: Leakage) -> Thermal:
    found = (leakage.w_per_c, leakage.ci95, leakage.reference_c)
    w_per_c, ci95, reference_c = (None if value is None else rounded(value) for value in found)
    return replace(
        thermal,
        leakage_w_per_c=w_per_c,
        leakage_w_per_c_ci95=ci95,
        leakage_reason=leakage.reason,
        reference_temp_c=reference_c,
    )


def with_response(file: CostModelFile, samples: pa.Table, points: pa.Table) -> CostModelFile:
    """Fit poles and leakage to the table `thermal_samples` of a step, and add them to a cost model.

    `points` are those that the model was built from. Where the step failed, or no poles fit it, the
    model gets the reason instead.
    """
    from .fit import choose_poles  # here: scipy.signal takes 0.3 s, and few runs hold a step

    failure = next(iter(samples["failure"].drop_null().to_pylist()), None)
    if failure is not None:
        return _without_thermal(file, f"the thermal step failed: {failure}")
    time_s = samples["time_ns"].to_numpy() / 1e9
    power_w, temp_c = samples["power_w"].to_numpy(), samples["temp_c"].to_numpy()
    try:
        fitted = choose_poles(time_s - time_s.min(initial=inf), power_w, temp_c)
    except BadInput as refusal:
        return _without_thermal(file, f"the thermal step: {refusal.message}")
    rmse = fitted.rmse_c / float(np.ptp(temp_c))
    if rmse > _MAX_RMSE:
        reason = f"no poles fit the thermal step: they miss it by {rmse:.0%} of its rise"
        return _without_thermal(file, reason)
    steady = np.array(samples["steady"].to_pylist(), np.bool_)
    leakage = fit_leakage(temp_c[steady], power_w[steady], _reference_c(points))
    return with_thermal(file, fitted, len(samples), samples["source"][0].as_py(), leakage)


def _reference_c(points: pa.Table) -> float | None:
    """Mean temperature in degC under the loads of the power pass; None where it was not read."""
    metered = points.filter(pc.is_valid(points["power_w"]))
    mean: float | None = pc.mean(metered["temp_c"]).as_py()
    return mean


def _without_thermal(file: CostModelFile, reason: str) -> CostModelFile:
    return with_checksum(replace(file, thermal=None, thermal_reason=reason))
