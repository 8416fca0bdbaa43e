"""Sentences about the heat of a model: its steady rise, or the reason why it is unknown."""

from typing import Final

from ...store.cost_model import CostModelFile, Thermal

NO_STEP: Final = "no step in power was recorded: `moeprof profile --thermal-step` takes one"


def thermal_description(thermal: Thermal) -> str:
    """One sentence: the steady rise per W, the poles with the error of their fit, the leakage."""
    rise = f"{thermal.r_c_per_w:.3g} K for each W above idle"
    if thermal.source is not None:
        rise = f"{rise}, by {thermal.source}"
    poles = ", ".join(f"{one.r_c_per_w:.2g} K/W in {one.tau_s:.3g} s" for one in thermal.step.poles)
    bound = why_lower_bound(thermal)
    fit = f"{poles}; fitted to {thermal.n} readings within {thermal.step.rmse_c:.2g} K"
    return f"{rise}; {bound or 'steady'}; poles: {fit}{_leakage(thermal)}"


def _leakage(thermal: Thermal) -> str:
    if thermal.leakage_w_per_c is None:
        return "" if thermal.leakage_reason is None else f"; no leakage: {thermal.leakage_reason}"
    slope = f"{thermal.leakage_w_per_c:.2g} ± {thermal.leakage_w_per_c_ci95:.1g} W/°C"
    return f"; leakage: {slope} from {thermal.reference_temp_c:.3g} °C"


def why_no_thermal(file: CostModelFile) -> str | None:
    """Reason why a model has no thermal response; None where it has one."""
    return None if file.thermal is not None else file.thermal_reason or NO_STEP


def why_lower_bound(thermal: Thermal | None) -> str | None:
    """Reason why the steady rise is only a lower bound; None where it is exact or unknown."""
    if thermal is None or not thermal.step.slow_is_bound:
        return None
    return (
        f"a lower bound: the recorded step of {thermal.step.hot_s:g} s is shorter than two of its "
        "slowest time constants"
    )
