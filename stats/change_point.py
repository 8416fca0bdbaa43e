"""Where along a history a noisy, drifting reading changes its level: the posterior in closed form.

Commits 0 to B - 1 have one level and commits B to N - 1 another. s_B is 1 for a reading of a commit
>= B and else 0, and M y is what levels and drift leave of y (drift.py). Then

    I_B = s_B' M s_B,   step_B = s_B' M y / I_B,   RSS = y' M y,   RSS_B = RSS - step_B^2 I_B
    log posterior = log prior_B - 1/2 log(1 + I_B)
                    - (n - p)/2 log((I_B RSS_B + RSS) / (1 + I_B)) + constant

(a change point with unknown levels and noise: Smith 1975, Biometrika 62(2), 407-416; the step over
the noise is N(0, 1) beforehand). All B between two neighbours among the commits that were read have
one likelihood, so the work grows with the commits that were read and not with the history.

The sum over all B, beside the likelihood of one level, is the evidence that there is a change. As
that of two commits (sequential.py), it may be looked at after every reading, also where the
readings before it say what is read next.
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
    `log_evidence` is the natural log of the Bayes factor of "a change" over "none".
    """

    posterior: Float64
    steps: Float64
    levels: Float64
    variances: Float64
    log_evidence: float

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
    of_model = fits.with_step()
    likelihood = np.logaddexp.reduce(of_model)
    share = np.exp(of_model - likelihood)
    steps, levels, variances = (
        (share * one).sum(0) for one in (fits.steps, fits.old_levels, fits.rss_of_step / freedom)
    )
    gap = np.searchsorted(read, np.arange(1, len(log_prior) + 1)) - 1
    log_posterior = log_prior - np.logaddexp.reduce(log_prior) + likelihood[gap]
    of_change = float(np.logaddexp.reduce(log_posterior))
    return ChangePoint(
        posterior=np.exp(log_posterior - of_change),
        steps=steps[gap],
        levels=levels[gap],
        variances=variances[gap],
        log_evidence=of_change - float(np.logaddexp.reduce(fits.without_step()[:, 0])),
    )


def _either_side(left: Float64, right: Float64) -> Float64:
    """Sum of right[B] over all B <= i, and of left[B] over all B > i, for each commit i, [N]."""
    at_most, above = np.cumsum(right), np.cumsum(left[::-1])[::-1]
    return np.asarray(np.append(0.0, at_most) + np.append(above, 0.0))
