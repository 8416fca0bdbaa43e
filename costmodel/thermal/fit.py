"""Fit the poles of a device's thermal response to a recorded step in power.

NVML reports whole degrees: a reading of 57 means a temperature in [57, 58). The fit maximises the
probability of these intervals, with normal errors (interval-censored regression).
"""

import itertools
import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.optimize import least_squares
from scipy.signal import lfilter
from scipy.special import log_ndtr

from ...stats.arrays import Float64
from ...store.cost_model import Pole
from ...store.errors import BadInput
from .poles import ThermalModel

_NOISE_C: Final = 0.25  # standard deviation of the error in the first, rough fits
_MIN_NOISE_C: Final = 0.12
_ROUNDING_C2: Final = 1 / 12  # variance of the rounding to whole degrees
_MIN_RISE_C: Final = 5
_LARGEST_C: Final = 1000.0  # no sensor lasts, and no probability of a reading keeps its digits
_LARGEST_W: Final = 1e6
_MAX_SAMPLES: Final = 6000
_ROUGH_EVALUATIONS: Final = 20
_FINE_EVALUATIONS: Final = 60
_STARTS_S: Final = (0.5, 4.0, 30.0, 150.0)
_MAX_S: Final = 3600.0
_START_R: Final = 0.05


def fit_thermal(
    time_s: npt.ArrayLike, power_w: npt.ArrayLike, temp_c: npt.ArrayLike, poles: int
) -> ThermalModel:
    """Fit `poles` poles (1 to 3) to N readings of a step: arrays [N].

    `time_s` increases; `temp_c` is in whole degrees, rounded down. (A sensor that rounds to nearest
    moves the fitted inlet temperature by half a degree, and nothing else.) The device is taken to
    be in steady state at its power at the first reading. Raises BadInput below ten readings, for
    values that are not finite or that no device has, and for a range of less than 5 degC.
    """
    time, power, temp = (np.asarray(values, np.float64) for values in (time_s, power_w, temp_c))
    if len(time) < 10 or not (np.diff(time) > 0).all():
        raise BadInput("a thermal fit needs ten readings or more, at times that increase")
    for quantity, values, unit, largest in (
        ("power", power, "W", _LARGEST_W),
        ("temperature", temp, "degC", _LARGEST_C),
    ):
        if not (np.abs(values) <= largest).all():
            raise BadInput(
                f"a {quantity} of the step is not finite, or beyond {largest:g} {unit}",
                hint="measure the step anew",
            )
    if np.ptp(temp) < _MIN_RISE_C:
        raise BadInput(
            f"the temperature moved by {np.ptp(temp):g} degC, and a fit needs {_MIN_RISE_C}",
            hint="record a longer step, or one at a higher power",
        )
    step = _resample(time, power, temp)
    starts = itertools.combinations(_STARTS_S, poles)
    guesses = [_guess(step, np.array(taus)) for taus in starts]
    fits = [_fit(step, guess, _NOISE_C, _ROUGH_EVALUATIONS) for guess in guesses]
    rough = min(fits, key=lambda fit: fit[0])[1]
    left_c2 = _model(step, rough).rmse_c ** 2 - _ROUNDING_C2
    noise_c = math.sqrt(max(left_c2, _MIN_NOISE_C**2))
    return _model(step, _fit(step, rough, noise_c, _FINE_EVALUATIONS)[1])


def choose_poles(
    time_s: npt.ArrayLike, power_w: npt.ArrayLike, temp_c: npt.ArrayLike
) -> ThermalModel:
    """Fit one pole, and add up to two more while each reduces the RMSE by more than a tenth.

    Raises BadInput as `fit_thermal` does.
    """
    best = fit_thermal(time_s, power_w, temp_c, 1)
    for poles in (2, 3):
        more = fit_thermal(time_s, power_w, temp_c, poles)
        if more.rmse_c >= 0.9 * best.rmse_c:
            break
        best = more
    return best


@dataclass(frozen=True, slots=True)
class _Step:
    """A recording on an even grid [G]: the reading at each point, the mean power between two."""

    dt_s: float
    power_w: Float64
    temp_c: Float64


def _resample(time: Float64, power: Float64, temp: Float64) -> _Step:
    """Put readings on an even grid: mean power of each step, the last temperature read before."""
    dt = max(float(np.median(np.diff(time))), float(time[-1] - time[0]) / _MAX_SAMPLES)
    grid = np.arange(time[0], time[-1], dt)
    energy = np.concatenate([[0], np.cumsum(power[:-1] * np.diff(time))])
    mean_power = np.diff(np.interp(grid, time, energy)) / dt
    last = (
        np.searchsorted(time, grid + dt / 1000, side="right") - 1
    )  # tolerates rounding of the grid
    return _Step(dt, mean_power, temp[last])


def _response(step: _Step, taus: Float64, resistances: Float64, inlet_c: float) -> Float64:
    """Temperature at the grid points [G]; exact for power that is constant between them."""
    out = np.full(len(step.temp_c), inlet_c)
    for tau, resistance in zip(taus, resistances, strict=True):
        decay = math.exp(-step.dt_s / tau)
        start = resistance * step.power_w[0]
        drive = resistance * (1 - decay) * step.power_w
        later, _ = lfilter([1.0], [1.0, -decay], drive, zi=[decay * start])
        out += np.concatenate([[start], later])
    return out


def _guess(step: _Step, taus: Float64) -> Float64:
    """Start of a fit: log taus, log resistances, inlet temperature."""
    n = len(taus)
    first_c = step.temp_c[0] - _START_R * step.power_w[0]
    return np.concatenate([np.log(taus), np.full(n, math.log(_START_R / n)), [first_c]])


def _fit(step: _Step, start: Float64, noise_c: float, evaluations: int) -> tuple[float, Float64]:
    """Cost and parameters of the fit that begins at `start`."""
    n = len(start) // 2
    lower = np.concatenate([np.full(n, math.log(step.dt_s / 2)), np.full(n, -14.0), [-100.0]])
    upper = np.concatenate([np.full(n, math.log(_MAX_S)), np.full(n, 2.0), [150.0]])

    def residual(q: Float64) -> Float64:
        temperature = _response(step, np.exp(q[:n]), np.exp(q[n : 2 * n]), float(q[2 * n]))
        return _misfit(temperature, step.temp_c, noise_c)

    inside = np.clip(start, lower + 1e-6, upper - 1e-6)
    found = least_squares(residual, inside, bounds=(lower, upper), max_nfev=evaluations)
    return float(found.cost), np.asarray(found.x, np.float64)


def _misfit(temperature_c: Float64, reading_c: Float64, noise_c: float) -> Float64:
    """Signed root of twice the negative log-probability of each reading's interval."""
    low = (reading_c - temperature_c) / noise_c
    high = low + 1 / noise_c
    flip = low > 0  # the lower tail of the normal distribution keeps its digits
    a, b = np.where(flip, -high, low), np.where(flip, -low, high)
    below_a, below_b = log_ndtr(a), log_ndtr(b)
    log_p = below_b + np.log1p(-np.exp(np.minimum(below_a - below_b, -1e-300)))
    middle = (low + high) / 2
    return np.asarray(-np.sign(middle) * np.sqrt(np.maximum(-2 * log_p, 0)), np.float64)


def _model(step: _Step, q: Float64) -> ThermalModel:
    n = len(q) // 2
    taus, resistances, inlet_c = np.exp(q[:n]), np.exp(q[n : 2 * n]), float(q[2 * n])
    order = np.argsort(taus)
    error = _response(step, taus, resistances, inlet_c) - (step.temp_c + 0.5)
    return ThermalModel(
        poles=tuple(Pole(float(taus[i]), float(resistances[i])) for i in order),
        inlet_c=inlet_c,
        rmse_c=float(np.sqrt(np.mean(error**2))),
        hot_s=_longest_hot_s(step),
    )


def _longest_hot_s(step: _Step) -> float:
    """Longest time in s on one side of the middle between minimum and maximum power."""
    hot = step.power_w > (step.power_w.min() + step.power_w.max()) / 2
    runs = [len(list(group)) for _, group in itertools.groupby(hot)]
    return max(runs) * step.dt_s
