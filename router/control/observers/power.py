"""What the power sensor shows beside the cost model: an offset, a gain, and how late it is."""

from math import exp
from typing import Final

import numpy as np

from ....stats.arrays import Float64
from .confirmed import Confirmed

_KEPT: Final = 64  # intervals whose predicted energy is kept
_LONGEST_GAP_S: Final = 3.0
_LONGEST_LAG_S: Final = 2.0
_LAGS: Final = 9
_AVERAGED_S: Final = 1.0  # NVML's power field, on most GPUs since Ampere; the energy counter: 0
_MISFIT_S: Final = 20.0
_CLEARLY: Final = 0.8
_LEAST_S: Final = 5.0  # a pair is compared so long before another one is used
_STEP_READINGS: Final = 3

# Relative to the scale of the device's power, by standard deviations:
_NOISE: Final = 0.013
_OFFSET_DRIFT: Final = 0.01  # per second
_UNSURE_OFFSET: Final = 0.05  # at the start
_STEP: Final = 0.15  # another process comes or goes
_SURPRISE: Final = 0.05  # beyond this error a reading was not expected
_MOST: Final = 0.25  # a larger error of one reading says no more than this one

_UNSURE_GAIN: Final = 0.2
_GAIN_DRIFT: Final = 0.004  # per second
_GAINS: Final = (0.5, 2.0)


class PowerObserver:
    """measured = idle + offset + gain * predicted, over the window and the lag of the sensor.

    Two states: the offset (other processes, leakage, the rest of the model) and the gain (the
    common error of the cost model, clipped). The sensor may be a mean over 1 s or an energy
    counter, and late by up to 2 s: for each such pair a Kalman filter of both states runs, and the
    one whose predictions fit best is used. A lag that is not known makes any other control ring.
    """

    def __init__(self, idle_w: float, scale_w: float) -> None:
        lags_s = np.linspace(0, _LONGEST_LAG_S, _LAGS)
        self._idle_w, self._scale_w = idle_w, scale_w
        self._lags_s = np.tile(lags_s, 2)
        self._windows_s = np.repeat([_AVERAGED_S, 0.0], _LAGS)
        pairs = len(self._lags_s)
        self._offsets_w, self._gains = np.zeros(pairs), np.ones(pairs)
        self._offset_var = np.full(pairs, (_UNSURE_OFFSET * scale_w) ** 2)
        self._gain_var = np.full(pairs, _UNSURE_GAIN**2)
        self._covariance = np.zeros(pairs)
        self._misfit_w2 = np.zeros(pairs)
        self._compared_s = 0.0
        self._used = 0
        self._confirmed = Confirmed(_STEP_READINGS)
        self._at_s: Float64 = np.zeros(0)
        self._spent_j: Float64 = np.zeros(0)

    @property
    def offset_w(self) -> float:
        """Power that neither idling nor the routed experts explain."""
        return float(self._offsets_w[self._used])

    @property
    def gain(self) -> float:
        """True energy of the routed experts over that of the cost model."""
        return float(self._gains[self._used])

    @property
    def lag_s(self) -> float:
        """How late the sensor is."""
        return float(self._lags_s[self._used])

    def predict(self, at_s: float, power_w: float) -> None:
        """Note the mean power above idle, by the cost model, from the last time until `at_s`."""
        if len(self._at_s) == 0 or at_s - self._at_s[-1] > _LONGEST_GAP_S:
            # As if it had been so for long.
            past_s = 2 * (_LONGEST_LAG_S + _AVERAGED_S)
            self._at_s = np.array([at_s - past_s, at_s])
            self._spent_j = np.array([-past_s * power_w, 0.0])
            return
        spent_j = self._spent_j[-1] + power_w * (at_s - self._at_s[-1])
        self._at_s = np.append(self._at_s[-_KEPT:], at_s)
        self._spent_j = np.append(self._spent_j[-_KEPT:], spent_j)

    def learn(self, power_w: float, elapsed_s: float) -> None:
        """Take a reading at the last time of `predict`, `elapsed_s` after the one before."""
        means_w = self._means_w(elapsed_s)
        errors_w = power_w - self._idle_w - self._offsets_w - self._gains * means_w
        nearest_w = float(errors_w[np.abs(errors_w).argmin()])
        kind = self._confirmed.judge(nearest_w, _SURPRISE * self._scale_w)
        if kind == "doubted":
            return
        if kind == "expected":
            self._choose(errors_w, elapsed_s)
        self._correct(means_w, errors_w, elapsed_s, _STEP * self._scale_w * (kind == "step"))

    def _choose(self, errors_w: Float64, elapsed_s: float) -> None:
        """Use the pair whose errors are smallest, where they clearly are."""
        errors_w2 = np.minimum(errors_w**2, (_MOST * self._scale_w) ** 2)
        self._compared_s += elapsed_s
        share = max(1 - exp(-elapsed_s / _MISFIT_S), elapsed_s / self._compared_s)
        self._misfit_w2 += share * (errors_w2 - self._misfit_w2)
        best = int(self._misfit_w2.argmin())
        clearly = self._misfit_w2[best] < _CLEARLY * self._misfit_w2[self._used]
        if clearly and self._compared_s >= _LEAST_S:
            self._used = best

    def _means_w(self, elapsed_s: float) -> Float64:
        """Predicted mean power above idle [pairs] over the window that each pair says was read."""
        windows_s = np.maximum(self._windows_s, elapsed_s)
        until_s = self._at_s[-1] - self._lags_s
        ends_j = np.interp(
            np.concatenate([until_s, until_s - windows_s]), self._at_s, self._spent_j
        )
        spent_j = ends_j[: len(until_s)] - ends_j[len(until_s) :]
        return np.asarray(spent_j / windows_s)

    def _correct(
        self, means_w: Float64, errors_w: Float64, elapsed_s: float, step_w: float
    ) -> None:
        """Update each pair's Kalman filter; a step of the load widens the offset's variance."""
        offset_var = self._offset_var + (_OFFSET_DRIFT * self._scale_w) ** 2 * elapsed_s + step_w**2
        gain_var = np.minimum(self._gain_var + _GAIN_DRIFT**2 * elapsed_s, _UNSURE_GAIN**2)
        with_offset = offset_var + means_w * self._covariance
        with_gain = self._covariance + means_w * gain_var
        variance = with_offset + means_w * with_gain + (_NOISE * self._scale_w) ** 2
        most_w = _MOST * self._scale_w
        errors_w = np.clip(errors_w, -most_w, most_w)
        self._offsets_w += with_offset / variance * errors_w
        self._gains = np.clip(self._gains + with_gain / variance * errors_w, *_GAINS)
        self._offset_var = offset_var - with_offset**2 / variance
        self._gain_var = gain_var - with_gain**2 / variance
        self._covariance = self._covariance - with_offset * with_gain / variance
