"""The dual of Program C: loads that follow from weights on what bounds the period of a step.

Program C chooses the loads n [N] of the experts and the period P of a step:

    min  kl_price KL(n) + sum_i e_i(n_i) + w P,    KL(n) = sum_i n_i log(n_i / own_i)
    with sum n = sum own,  0 <= n_i <= limit,  P >= demand_r(n) for each r

Each GPU demands the latency of its experts. A power cap demands the energy above idle over the
power that it leaves above idle. For convex curves e and l the program is convex. With a weight
u_r >= 0 on each demand and sum u = w, the period drops out and the least cost over n bounds the
program from below; n then has a closed form but for one number that all experts share. The largest
such bound over u is the optimum (Boyd and Vandenberghe, Convex Optimization, chapter 5).
"""

from dataclasses import dataclass

import numpy as np

from ...stats.arrays import Float64, Int64
from ..hull import Hull

_MOST_STEPS = 100
_TOTAL_TOLERANCE = 1e-10
_MOST_TILT = 700.0  # exp of it is a float


@dataclass(frozen=True, eq=False)
class Hulls:
    """Hulls of the energy in J and the latency in s of N experts over `loads` [S]."""

    loads: Float64
    energy: Hull
    latency: Hull
    gpu_of: Int64
    gpus: int


@dataclass(frozen=True, eq=False)
class Batch:
    """What one pass must route, and at which prices.

    `own` [N] are the loads under the model's own routing, whose sum is above 0, and `limit` is the
    most that an expert may get, not below any of them. `kl_price_j`, above 0, is what a nat costs,
    `period_price_w` what a second does. `headroom_w` is the power that a cap leaves above idle;
    None without a cap.
    """

    own: Float64
    limit: float
    kl_price_j: float
    period_price_w: float
    headroom_w: float | None


@dataclass(frozen=True, eq=False)
class DualPoint:
    """The loads that follow from weights [R] on the demands, and what they cost.

    `tilt` [N] is log(n_i / own_i); the tilt of an expert without a share is that of a vanishing
    one. `free` [S - 1, N] are the tilts that each piece of the curves would give alone.
    `objective_j` is the program's at these loads, `bound_j` a lower bound of its optimum.
    """

    weights_w: Float64
    tilt: Float64
    free: Float64
    loads: Float64
    energy_j: float
    kl_nats: float
    demands_s: Float64
    objective_j: float
    bound_j: float


class LoadDual:
    """The dual for one batch: its demands are the latency of each GPU, then the cap's if any."""

    def __init__(self, hulls: Hulls, batch: Batch) -> None:
        self.batch = batch
        self.gpus = hulls.gpus
        self.demands = hulls.gpus + (batch.headroom_w is not None)
        self._hulls, self._total = hulls, float(batch.own.sum())
        ends = np.minimum(hulls.loads, batch.limit)
        self._starts, self._widths = ends[:-1, None], np.diff(ends)[:, None]
        used = batch.own > 0
        own = np.where(used, batch.own, batch.limit * np.exp(-_MOST_TILT))
        self._most_tilt = np.log(ends[1:, None]) - np.log(own)
        self._own_segment = np.searchsorted(ends[1:], batch.own), np.arange(len(own))
        self._used = used
        self._fixed_energy_j = float(hulls.energy.fixed @ used)
        self._fixed_latency_s = self._by_gpu(hulls.latency.fixed * used)

    def at(self, weights_w: Float64) -> DualPoint:
        """The loads at these weights [R], which are 0 or more with the sum `period_price_w`."""
        batch, hulls = self.batch, self._hulls
        joule, second = self._prices(weights_w)
        margins = hulls.energy.slopes * joule + hulls.latency.slopes * second
        tilt, free, shared = self._tilt(margins / batch.kl_price_j)
        loads = batch.own * np.exp(tilt)
        parts = np.minimum(np.maximum(loads - self._starts, 0.0), self._widths)
        energy_j = self._fixed_energy_j + float(np.vdot(hulls.energy.slopes, parts))
        demands_s = self._demands_s(parts, energy_j)
        kl_nats = float(loads @ tilt)
        quality_and_energy_j = batch.kl_price_j * kl_nats + energy_j
        # The multiplier of sum n = sum own makes this a bound whatever is missing from that sum.
        missing_j = batch.kl_price_j * (1.0 + shared) * (float(loads.sum()) - self._total)
        return DualPoint(
            weights_w=weights_w,
            tilt=tilt,
            free=free,
            loads=loads,
            energy_j=energy_j,
            kl_nats=kl_nats,
            demands_s=demands_s,
            objective_j=quality_and_energy_j + batch.period_price_w * float(demands_s.max()),
            bound_j=quality_and_energy_j + float(weights_w @ demands_s) - missing_j,
        )

    def curvature(self, point: DualPoint) -> Float64:
        """How fast each demand falls as the weight of each one grows [R, R], in s/W.

        Symmetric and positive semidefinite. An expert whose load is at the end of a piece does not
        move.
        """
        moves = point.free == point.tilt
        piece = moves.argmax(axis=0), np.arange(len(point.tilt))
        moving = point.loads * moves.any(axis=0)
        by_expert = np.zeros((self.demands, len(moving)))
        by_expert[self._hulls.gpu_of, piece[1]] = self._hulls.latency.slopes[piece]
        if self.batch.headroom_w is not None:
            by_expert[-1] = self._hulls.energy.slopes[piece] / self.batch.headroom_w
        weighed = by_expert * moving
        sums = weighed.sum(axis=1)
        together = np.outer(sums, sums) / (moving.sum() or 1.0)
        curvature: Float64 = (weighed @ by_expert.T - together) / self.batch.kl_price_j
        return curvature

    def _prices(self, weights_w: Float64) -> tuple[float, float | Float64]:
        """What a joule costs, in J, and a second on the GPU of each expert, in W."""
        headroom_w = self.batch.headroom_w
        joule = 1.0 if headroom_w is None else 1.0 + float(weights_w[-1]) / headroom_w
        return joule, weights_w[0] if self.gpus == 1 else weights_w[self._hulls.gpu_of]

    def _demands_s(self, parts: Float64, energy_j: float) -> Float64:
        latency = self._hulls.latency.slopes
        demands_s = np.empty(self.demands)
        if self.gpus == 1:
            demands_s[0] = self._fixed_latency_s[0] + np.vdot(latency, parts)
        else:
            varying = np.einsum("sn,sn->n", latency, parts)
            demands_s[: self.gpus] = self._fixed_latency_s + self._by_gpu(varying)
        if self.batch.headroom_w is not None:
            demands_s[-1] = energy_j / self.batch.headroom_w
        return demands_s

    def _by_gpu(self, of_experts: Float64) -> Float64:
        sums = np.bincount(self._hulls.gpu_of, of_experts, minlength=self.gpus)
        return sums.astype(np.float64, copy=False)

    def _tilt(self, margins: Float64) -> tuple[Float64, Float64, float]:
        """The tilts [N] at `margins` [S - 1, N] in nats per row; all of them; what they share.

        The tilt of an expert is shared - margin, or that at which one margin ends where the next
        one would put it back: max over s of min(most_tilt_s, shared - margin_s). Newton's method
        finds the number at which the loads have their sum, from a bracket: at the least margin
        that an expert has at its own load no load is above its own, at the greatest none below.
        """
        own = margins[self._own_segment]
        share = self.batch.own
        low, high = float(own[self._used].min()), float(own[self._used].max())
        shared = float(own @ share) / self._total
        for _ in range(_MOST_STEPS):
            free = shared - margins
            tilt = np.minimum(free, self._most_tilt).max(axis=0)
            loads = share * np.exp(tilt)
            total = float(loads.sum())
            if abs(total - self._total) <= _TOTAL_TOLERANCE * self._total:
                break
            low, high = (shared, high) if total < self._total else (low, shared)
            moving = float(loads @ (free == tilt).any(axis=0))
            following = shared + total / moving * np.log(self._total / total) if moving else low
            shared = following if low < following < high else 0.5 * (low + high)
        return tilt, free, shared
