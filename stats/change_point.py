"""Where along a history a noisy, drifting reading changes its level: the posterior in closed form.

Commits 0 to B - 1 have one level and commits B to N - 1 another. s_B is 1 for a reading of a commit
>= B and else 0, and M y is what levels and drift leave of y (drift.py). Then

    step_B = s_B' M y / s_B' M s_B,   RSS_B = y' M y - (s_B' M y)^2 / s_B' M s_B
    log posterior = log prior_B - 1/2 log(s_B' M s_B) - (n - p - 1)/2 log(RSS_B) + constant

(a change point with unknown levels and noise: Smith 1975, Biometrika 62(2), 407-416). All B between
two neighbours among the commits that were read have one likelihood, so the work grows with the
commits that were read and not with the history.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from .arrays import Float64, Int64
from .drift import fit_steps

_TINY: Final = 1e-30


@dataclass(frozen=True, slots=True)
class Readings:
    """Readings in the order of time, each [n]: commits by place, logs of values, sessions."""

    commits: Int64
    logs: Float64
    sessions: Int64


@dataclass(frozen=True, slots=True)
class ChangePoint:
    """What readings say of the place of the change among N commits.

    `posterior` is the probability that commit 1, 2, ... N - 1 is the first of the new level. If it
    is, `steps` is the log ratio of the new level to the old one, `levels` the log of the old level
    at the time of the last reading, and `variances` that of the log of a reading: each [N - 1].
    """

    posterior: Float64
    steps: Float64
    levels: Float64
    variances: Float64

    @property
    def variance(self) -> float:
        """Variance of the log of one reading."""
        return float(self.posterior @ self.variances)

    def gains(self) -> Float64:
        """Information on the place that one more reading of each commit gives, nats, [N].

        The capacity of a Gaussian channel whose signal is the level of the commit, which differs
        with the place. Where the levels are unknown too, a reading at the posterior's median, as in
        classical probabilistic bisection, can be asked for without end.
        """
        p, old, new = self.posterior, self.levels, self.levels + self.steps
        mean = _either_side(p * old, p * new)
        square = _either_side(p * old**2, p * new**2)
        signal = np.maximum(square - mean**2, 0)
        return np.asarray(0.5 * np.log1p(signal / max(self.variance, _TINY)))


def change_point(readings: Readings, log_prior: Float64, *, may_drift: bool) -> ChangePoint:
    """Weigh every place of the change by readings of which some are of the first and last commit.

    `log_prior` [N - 1] need not be normalised.
    """
    read = np.unique(readings.commits)
    is_new = (readings.commits[:, None] >= read[1:]).astype(np.float64)  # [n, gaps]
    fits = fit_steps(is_new, readings.logs, readings.sessions, may_drift=may_drift)
    freedom = fits.freedom - 1
    of_model = fits.log_evidence - 0.5 * (
        np.log(fits.information) + freedom * np.log(fits.rss_of_step)
    )
    likelihood = np.logaddexp.reduce(of_model)
    share = np.exp(of_model - likelihood)
    steps, levels, variances = (
        (share * one).sum(0) for one in (fits.steps, fits.old_levels, fits.rss_of_step / freedom)
    )
    gap = np.searchsorted(read, np.arange(1, len(log_prior) + 1)) - 1
    log_posterior = log_prior + likelihood[gap]
    posterior = np.exp(log_posterior - np.logaddexp.reduce(log_posterior))
    return ChangePoint(posterior, steps[gap], levels[gap], variances[gap])


def _either_side(left: Float64, right: Float64) -> Float64:
    """Sum of right[B] over all B <= i, and of left[B] over all B > i, for each commit i, [N]."""
    at_most, above = np.cumsum(right), np.cumsum(left[::-1])[::-1]
    return np.asarray(np.append(0.0, at_most) + np.append(above, 0.0))
