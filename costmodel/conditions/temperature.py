"""A cost at another temperature than that of the measurement."""

from dataclasses import replace

from ...store.cost_model import Thermal
from ...store.errors import BadInput
from ..cost import Cost


def at_temperature(cost: Cost, thermal: Thermal | None, current_temp_c: float) -> Cost:
    """Add the leakage power of a warmer device; unchanged where no leakage was fitted.

    Raises BadInput for a temperature outside -273.15 to 200 °C, and for one so cold that the
    leakage exceeds the measured power.
    """
    if not -273.15 < current_temp_c < 200:
        raise BadInput(f"the temperature is {current_temp_c} °C, and no device works there")
    if thermal is None or thermal.leakage_w_per_c is None or cost.power_w is None:
        return cost
    assert thermal.reference_temp_c is not None
    assert thermal.leakage_w_per_c_ci95 is not None
    warmer_c = current_temp_c - thermal.reference_temp_c
    power_w = cost.power_w + thermal.leakage_w_per_c * warmer_c
    half_w = thermal.leakage_w_per_c_ci95 * abs(warmer_c)
    if power_w <= half_w:
        raise BadInput(
            f"at {current_temp_c} °C {cost.op} would draw no power, so far is that from the "
            f"{thermal.reference_temp_c:.3g} °C of the measurement"
        )
    lo, hi = cost.energy_mj_lo, cost.energy_mj_hi
    return replace(
        cost,
        energy_mj=power_w * cost.sustained_ms,
        energy_mj_lo=None if lo is None else lo * (power_w - half_w) / cost.power_w,
        energy_mj_hi=None if hi is None else hi * (power_w + half_w) / cost.power_w,
        power_w=power_w,
        estimated=True,
    )
