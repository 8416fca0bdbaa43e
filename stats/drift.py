"""Readings in the order of time as levels, a slow drift of unknown size, and noise.

    y = X b + Z u + e,   e ~ N(0, s^2),   u_k ~ N(0, s^2 d_k)

X has one column per session. Z holds cosines over the readings' places in time, and d_k is the
spectrum of an Ornstein-Uhlenbeck process, such as the temperature of a room or a heat sink: its
standard deviation is `ratio` x s, and its memory is `memory` readings. Neither is known, so each
pair of a grid is a model of its own, weighed by its evidence; "no drift" is one of them, as likely
as each other beforehand. A drift that is projected out as polynomials costs 1.4 to 1.7 times the
readings where there is none.

b and s are integrated out under their right Haar prior, flat in b and in log s. The evidence is
then invariant to units and levels, and ratios of it may be looked at after every reading
(Hendriksen, de Heide and Gruenwald 2021, Bayesian Analysis 16(3), 961-989).
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from .arrays import Float64, Int64

_RATIOS: Final = (0.15, 0.3, 0.6, 1.2, 2.4)  # standard deviation of the drift over the noise's
_MEMORIES: Final = (15.0, 60.0, 240.0)  # readings
_MOST_COSINES: Final = 48
_READINGS_A_COSINE: Final = 3


@dataclass(frozen=True, slots=True)
class DriftModel:
    """One model of the levels and the drift of n readings.

    `basis` is X and Z side by side, [n, S + K]. `log_evidence` is the part of the log evidence that
    no reading changes; `freedom` is n - S.
    """

    basis: Float64
    inverse: Float64
    log_evidence: float
    freedom: int

    def residual(self, columns: Float64) -> Float64:
        """What levels and drift leave of each column: M y, [n] or [n, m]; y' M y is the RSS."""
        return columns - self.basis @ (self.inverse @ (self.basis.T @ columns))

    def last_level(self, columns: Float64) -> Float64:
        """Level and drift at the last reading, fitted to each column of [n] or [n, m]."""
        return np.asarray(self.basis[-1] @ (self.inverse @ (self.basis.T @ columns)))


def drift_models(sessions: Int64, *, may_drift: bool) -> Iterator[DriftModel]:
    """Give the models for n readings, whose sessions are `sessions` [n], in the order of time.

    A session is a time without a break; after a break the machine may stand at another level.
    """
    levels = (sessions[:, None] == np.unique(sessions)).astype(np.float64)
    cosines = _cosines(len(levels)) if may_drift else np.empty((len(levels), 0))
    basis = np.hstack([levels, cosines])
    gram = basis.T @ basis
    count = levels.shape[1]
    yield _model(levels, gram[:count, :count], np.empty(0))
    if cosines.shape[1]:
        for ratio, memory in itertools.product(_RATIOS, _MEMORIES):
            yield _model(basis, gram, _spectrum(len(cosines), cosines.shape[1], ratio, memory))


def _cosines(n: int) -> Float64:
    """Cosines over the places of n readings, [n, K], of 1 to K half waves."""
    half_waves = np.arange(1, min(n // _READINGS_A_COSINE, _MOST_COSINES) + 1)
    return np.cos(np.pi * np.outer((np.arange(n) + 0.5) / n, half_waves))


def _spectrum(n: int, count: int, ratio: float, memory: float) -> Float64:
    """Variance of each of `count` cosines over that of the noise (Karhunen-Loeve expansion)."""
    phase = np.pi * np.arange(1, count + 1) * memory / n
    return np.asarray(4 * ratio**2 * memory / n / (1 + phase**2))


def _model(basis: Float64, gram: Float64, variances: Float64) -> DriftModel:
    """The model whose last columns have these prior variances; the first ones are levels."""
    levels = len(gram) - len(variances)
    penalised = gram + np.diag(np.concatenate([np.zeros(levels), 1 / variances]))
    _, log_determinant = np.linalg.slogdet(penalised)
    log_evidence = -0.5 * (log_determinant + float(np.log(variances).sum()))
    inverse: Float64 = np.asarray(np.linalg.inv(penalised), np.float64)
    return DriftModel(basis, inverse, log_evidence, len(basis) - levels)
