"""A GPU's temperature as a sum of first-order poles driven by its power, fitted to a step.

    T(t) = T_inlet + sum_i x_i(t),    tau_i dx_i/dt = R_i P(t) - x_i(t)

A die settles within a second, the heat spreader in some, the heat sink in minutes: one pole is not
enough, and a step of five minutes shows no more than three. NVML gives whole degrees, so a reading
of 57 says that the temperature lay in [57, 58), and the fit takes it for no more: it maximises the
probability of those intervals (interval-censored normal errors).
"""

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq, least_squares
from scipy.signal import lfilter
from scipy.special import log_ndtr

from ..store.cost_model import Pole, ThermalStep
from ..store.errors import BadInput

__all__ = ["Pole", "ThermalModel", "choose_poles", "fit_thermal"]

_NOISE_C: Final = 0.25  # standard deviation of what the model leaves out, to begin with
_LEAST_NOISE_C: Final = 0.12
_ROUNDED_C2: Final = 1 / 12  # variance of a reading that is rounded to whole degrees
_LEAST_RISE_C: Final = 5
_MOST_SAMPLES: Final = 6000
_ROUGH_TRIES: Final = 20
_FINE_TRIES: Final = 60
_STARTS_S: Final = (0.5, 4.0, 30.0, 150.0)
_LONGEST_S: Final = 3600.0
_START_R: Final = 0.05

Floats = npt.NDArray[np.float64]


class ThermalModel(ThermalStep):
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


def fit_thermal(
    time_s: npt.ArrayLike, power_w: npt.ArrayLike, temp_c: npt.ArrayLike, poles: int
) -> ThermalModel:
    """Fit `poles` poles (1 to 3) to a step recording; the arrays have one shape, (n,).

    `time_s` increases; `temp_c` is in whole degrees, rounded down (a sensor that rounds to nearest
    moves the inlet by half a degree and nothing else). Before the first reading the GPU is taken to
    have been at its power for ever. Raises BadInput for less than 5 degC between the extremes.
    """
    time, power, temp = (np.asarray(values, np.float64) for values in (time_s, power_w, temp_c))
    if len(time) < 10 or not (np.diff(time) > 0).all():
        raise BadInput("a thermal fit needs ten readings or more, at times that increase")
    if not (np.isfinite(power).all() and np.isfinite(temp).all()):
        raise BadInput("a thermal fit needs finite powers and temperatures")
    if np.ptp(temp) < _LEAST_RISE_C:
        raise BadInput(
            f"the temperature moved by {np.ptp(temp):g} degC, and a fit needs {_LEAST_RISE_C}",
            hint="record a longer step, or one at a higher power",
        )
    step = _resample(time, power, temp)
    starts = itertools.combinations(_STARTS_S, poles)
    guesses = [_guess(step, np.array(taus)) for taus in starts]
    fits = [_fit(step, guess, _NOISE_C, _ROUGH_TRIES) for guess in guesses]
    rough = min(fits, key=lambda fit: fit[0])[1]
    left_c2 = _model(step, rough).rmse_c ** 2 - _ROUNDED_C2
    noise_c = math.sqrt(max(left_c2, _LEAST_NOISE_C**2))
    return _model(step, _fit(step, rough, noise_c, _FINE_TRIES)[1])


def choose_poles(
    time_s: npt.ArrayLike, power_w: npt.ArrayLike, temp_c: npt.ArrayLike
) -> ThermalModel:
    """Fit the fewest poles, three at most, that one more mends by less than a tenth.

    Raises BadInput as the fit does.
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
    """A recording on an even grid: mean power between grid points, reading at each."""

    dt_s: float
    power_w: Floats
    temp_c: Floats


def _resample(time: Floats, power: Floats, temp: Floats) -> _Step:
    dt = max(float(np.median(np.diff(time))), float(time[-1] - time[0]) / _MOST_SAMPLES)
    grid = np.arange(time[0], time[-1], dt)
    energy = np.concatenate([[0], np.cumsum(power[:-1] * np.diff(time))])
    mean_power = np.diff(np.interp(grid, time, energy)) / dt
    last = np.searchsorted(time, grid + dt / 1000, side="right") - 1  # the grid's own rounding
    return _Step(dt, mean_power, temp[last])


def _response(step: _Step, taus: Floats, resistances: Floats, inlet_c: float) -> Floats:
    """Temperature at the grid points; exact for power that is constant between them."""
    out = np.full(len(step.temp_c), inlet_c)
    for tau, resistance in zip(taus, resistances, strict=True):
        decay = math.exp(-step.dt_s / tau)
        start = resistance * step.power_w[0]
        drive = resistance * (1 - decay) * step.power_w
        later, _ = lfilter([1.0], [1.0, -decay], drive, zi=[decay * start])
        out += np.concatenate([[start], later])
    return out


def _guess(step: _Step, taus: Floats) -> Floats:
    """Parameters to start from: log taus, log resistances, inlet."""
    n = len(taus)
    first_c = step.temp_c[0] - _START_R * step.power_w[0]
    return np.concatenate([np.log(taus), np.full(n, math.log(_START_R / n)), [first_c]])


def _fit(step: _Step, start: Floats, noise_c: float, tries: int) -> tuple[float, Floats]:
    """Cost and parameters of the fit that begins at `start`."""
    n = len(start) // 2
    lower = np.concatenate([np.full(n, math.log(step.dt_s / 2)), np.full(n, -14.0), [-100.0]])
    upper = np.concatenate([np.full(n, math.log(_LONGEST_S)), np.full(n, 2.0), [150.0]])

    def residual(q: Floats) -> Floats:
        temperature = _response(step, np.exp(q[:n]), np.exp(q[n : 2 * n]), float(q[2 * n]))
        return _misfit(temperature, step.temp_c, noise_c)

    inside = np.clip(start, lower + 1e-6, upper - 1e-6)
    found = least_squares(residual, inside, bounds=(lower, upper), max_nfev=tries)
    return float(found.cost), np.asarray(found.x, np.float64)


def _misfit(temperature_c: Floats, reading_c: Floats, noise_c: float) -> Floats:
    """Signed root of twice the negative log-probability of each reading's interval."""
    low = (reading_c - temperature_c) / noise_c
    high = low + 1 / noise_c
    flip = low > 0  # of the two equal tails, the lower one keeps its digits
    a, b = np.where(flip, -high, low), np.where(flip, -low, high)
    below_a, below_b = log_ndtr(a), log_ndtr(b)
    log_p = below_b + np.log1p(-np.exp(np.minimum(below_a - below_b, -1e-300)))
    middle = (low + high) / 2
    return np.asarray(-np.sign(middle) * np.sqrt(np.maximum(-2 * log_p, 0)), np.float64)


def _model(step: _Step, q: Floats) -> ThermalModel:
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
    """Longest stretch on one side of the middle power, s."""
    hot = step.power_w > (step.power_w.min() + step.power_w.max()) / 2
    runs = [len(list(group)) for _, group in itertools.groupby(hot)]
    return max(runs) * step.dt_s
