"""Readings in the order of time as levels, a slow drift of unknown size, and noise.

    y = X b + step s + Q u + e,   e ~ N(0, s^2),   u_k ~ N(0, s^2 v_k)

X has one column per session, and s is 1 for a reading of the new level and else 0. Q holds
orthonormal cosines over the readings' places in time, and v_k is the spectrum of an
Ornstein-Uhlenbeck process, such as the temperature of a room or a heat sink: its standard deviation
is `ratio` x s, and its memory is `memory` readings. Neither is known, so each pair of a grid is a
model of its own, weighed by its evidence; "no drift" is one of them, as likely as each other
beforehand. A drift that is projected out as polynomials costs 1.4 to 1.7 times the readings where
there is none.

b and s are integrated out under their right Haar prior, flat in b and in log s. The evidence is
then invariant to units and levels, and ratios of it may be looked at after every reading
(Hendriksen, de Heide and Gruenwald 2021, Bayesian Analysis 16(3), 961-989).

The covariance of y is s^2 V with V = I + Q diag(v) Q', so its inverse is I - Q diag(v / (1 + v)) Q'
and its determinant the product of 1 + v_k. All that is needed of V are products such as s' V^-1 y.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from .arrays import Float64, Int64

_RATIOS: Final = np.array([0.15, 0.3, 0.6, 1.2, 2.4])  # standard deviation over the noise's
_MEMORIES: Final = np.array([15.0, 60.0, 240.0])  # readings
_MOST_COSINES: Final = 48
_READINGS_A_COSINE: Final = 3
_PRIOR_VARIANCE: Final = 1.0  # a step's variance over that of one reading's noise
_TINY: Final = 1e-30


@dataclass(frozen=True, slots=True)
class StepFits:
    """Fits of m steps, one at a time, to n readings under each of D models of their drift.

    `log_evidence` [D, 1] is the part of the log evidence that no reading changes, `freedom` is
    n - S for S sessions. `information` [D, m] is the inverse variance of a step over the noise's,
    `steps` [D, m] the new level less the old one. `rss` [D, 1] is what levels and drift leave of
    the readings, `rss_of_step` [D, m] what the step leaves too. `old_levels` [D, m] is the old
    level at the time of the last reading.
    """

    log_evidence: Float64
    freedom: int
    information: Float64
    steps: Float64
    rss: Float64
    rss_of_step: Float64
    old_levels: Float64

    def without_step(self) -> Float64:
        """Log likelihood of one level alone, [D, 1], up to a constant."""
        return np.asarray(self.log_evidence - self.freedom / 2 * np.log(self.rss))

    def with_step(self) -> Float64:
        """Log likelihood of each step, which is N(0, s^2) beforehand, [D, m]; constant as above."""
        kept = _PRIOR_VARIANCE * self.information
        shrunk = (kept * self.rss_of_step + self.rss) / (1 + kept)
        return np.asarray(
            self.log_evidence - 0.5 * np.log1p(kept) - self.freedom / 2 * np.log(shrunk)
        )


def fit_steps(is_new: Float64, readings: Float64, sessions: Int64, *, may_drift: bool) -> StepFits:
    """Fit each column of `is_new` [n, m] to `readings` [n] of `sessions` [n], in the order of time.

    A session is a time without a break; after a break the machine may stand at another level.
    """
    middle = float(readings.mean())
    levels = (sessions[:, None] == np.unique(sessions)).astype(np.float64)
    columns = np.column_stack([readings - middle, is_new])
    left = _without_levels(columns, levels, may_drift=may_drift)
    rss = np.maximum(left.squares[:, :1], _TINY)
    information = np.maximum(left.squares[:, 1:], _TINY)
    steps = left.with_first[:, 1:] / information
    return StepFits(
        log_evidence=-0.5 * left.log_determinant[:, None],
        freedom=len(readings) - levels.shape[1],
        information=information,
        steps=steps,
        rss=rss,
        rss_of_step=np.maximum(rss - steps**2 * information, _TINY),
        old_levels=middle + left.last[:, :1] - steps * left.last[:, 1:],
    )


@dataclass(frozen=True, slots=True)
class _Left:
    """What levels and drift leave of columns c [n, k], under each of D models.

    `squares` are c' M c and `with_first` c' M c_0, both [D, k]; `last` [D, k] is the level and the
    drift that they take off at the last reading. `log_determinant` [D] is that of V, and of
    X' V^-1 X.
    """

    squares: Float64
    with_first: Float64
    last: Float64
    log_determinant: Float64


def _without_levels(columns: Float64, levels: Float64, *, may_drift: bool) -> _Left:
    cosines = _cosines(len(columns), may_drift=may_drift)
    variances = _variances(*cosines.shape)
    drifting = variances / (1 + variances)  # [D, K]
    of_levels, of_columns = cosines.T @ levels, cosines.T @ columns
    weighed = np.swapaxes(drifting[:, :, None] * of_levels, 1, 2)  # [D, S, K]
    between_levels = levels.T @ levels - weighed @ of_levels
    with_levels = levels.T @ columns - weighed @ of_columns
    fitted = np.linalg.solve(between_levels, with_levels)  # [D, S, k]
    squares = (columns**2).sum(0) - drifting @ of_columns**2
    with_first = columns[:, 0] @ columns - drifting @ (of_columns[:, :1] * of_columns)
    at_last = cosines[-1] * drifting  # [D, K]
    _, log_determinant = np.linalg.slogdet(between_levels)
    return _Left(
        squares=squares - (with_levels * fitted).sum(1),
        with_first=with_first - (with_levels[:, :, :1] * fitted).sum(1),
        last=at_last @ of_columns + ((levels[-1] - at_last @ of_levels)[:, None] @ fitted)[:, 0],
        log_determinant=np.log1p(variances).sum(1) + log_determinant,
    )


def _cosines(n: int, *, may_drift: bool) -> Float64:
    """Orthonormal cosines over the places of n readings, [n, K], of 1 to K half waves."""
    count = min(n // _READINGS_A_COSINE, _MOST_COSINES) if may_drift else 0
    waves = np.cos(np.pi * np.outer((np.arange(n) + 0.5) / n, np.arange(1, count + 1)))
    return np.asarray(waves * np.sqrt(2 / n), np.float64)


def _variances(n: int, count: int) -> Float64:
    """Variance of each cosine over that of the noise (Karhunen-Loeve expansion), [D, `count`].

    The first of the models has no drift; without cosines it is the only one.
    """
    if not count:
        return np.zeros((1, 0))
    ratios, memories = (grid.ravel()[:, None] for grid in np.meshgrid(_RATIOS, _MEMORIES))
    phases = np.pi * np.arange(1, count + 1) * memories / n
    drifting = 2 * ratios**2 * memories / (1 + phases**2)
    return np.vstack([np.zeros((1, count)), drifting])
