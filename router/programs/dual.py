"""The dual of Program C: loads that follow from weights on what bounds the period of a step.

Program C chooses the loads n [N] of the experts and the period P of a step:

    min  kl_price KL(n) + sum_i e_i(n_i) + w P,    KL(n) = sum_i n_i log(n_i / own_i)
    with sum n = sum own,  0 <= n_i <= last load,  P >= demand_r(n) for each r

Each GPU demands the latency of its experts. A power cap demands the energy above idle over the
power that it leaves above idle. For convex curves e and l the program is convex. With a weight
u_r >= 0 on each demand and sum u = w, the period drops out and the least cost over n bounds the
program from below; n then has a closed form but for one number that all experts share. The largest
such bound over u is the optimum (Boyd and Vandenberghe, Convex Optimization, chapter 5).
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from ...stats.arrays import Float64, Int64
from ..hull import Hull, common_pieces
from .batch import Batch
from .interior_point import Pieces

_MOST_STEPS = 100
_TOTAL_TOLERANCE = 1e-9
_ROUNDING = 1e-12
_LEAST_PART = 1e-300


@dataclass(frozen=True, eq=False)
class Hulls:
    """Hulls of the energy in J and the latency in s of N experts, over pieces of their own.

    A piece ends at its load in `ends` [P, N] and begins where the one before it ends, or at 0.
    """

    ends: Float64
    energy: Hull
    latency: Hull
    gpu_of: Int64
    gpus: int

    @classmethod
    def over(cls, loads: Float64, energy: Hull, latency: Hull, gpu_of: Int64, gpus: int) -> "Hulls":
        """The same hulls between `loads` [S], over as few pieces as they have in common."""
        ends, (by_energy, by_latency) = common_pieces(loads, [energy.slopes, latency.slopes])
        merged = replace(energy, slopes=by_energy), replace(latency, slopes=by_latency)
        return cls(ends, *merged, gpu_of, gpus)

    @cached_property
    def starts(self) -> Float64:
        """The loads [P, N] at which pieces begin."""
        return np.vstack([np.zeros_like(self.ends[:1]), self.ends[:-1]])

    @cached_property
    def widths(self) -> Float64:
        """The rows [P, N] that pieces hold."""
        return self.ends - self.starts

    @cached_property
    def log_ends(self) -> Float64:
        """The logarithm of `ends` [P, N]."""
        return np.asarray(np.log(self.ends))


@dataclass(frozen=True, eq=False)
class DualPoint:
    """The loads that follow from weights [R] on the demands, and what they cost.

    `tilt` [N] is log(n_i / own_i); the tilt of an expert without a share is that of a vanishing
    one. `objective_j` is the program's at these loads, `bound_j` a lower bound of its optimum;
    `shared` is what the tilts share.
    """

    weights_w: Float64
    tilt: Float64
    loads: Float64
    energy_j: float
    kl_nats: float
    demands_s: Float64
    objective_j: float
    bound_j: float
    shared: float


class LoadDual:
    """The dual for one batch: its demands are the latency of each GPU, then the cap's if any."""

    def __init__(self, hulls: Hulls, batch: Batch) -> None:
        self.batch = batch
        self.gpus = hulls.gpus
        self.demands = hulls.gpus + (batch.headroom_w is not None)
        self._hulls, self._total = hulls, float(batch.own.sum())
        self.used = used = batch.own > 0
        own = np.where(used, batch.own, hulls.ends[-1] * _LEAST_PART)
        self._most_tilt = hulls.log_ends - np.log(own)
        self._own_segment = (hulls.ends[:-1] < batch.own).sum(axis=0), np.arange(len(own))
        self._fixed_energy_j = float(hulls.energy.fixed @ used)
        self._fixed_latency_s = self._by_gpu(hulls.latency.fixed * used)

    def at(self, weights_w: Float64, guess: float | None = None) -> DualPoint:
        """The loads at these weights [R], which are 0 or more with the sum `period_price_w`.

        `guess` is about what the tilts share, as a point at similar weights says it.
        """
        joule, second = self._prices(weights_w)
        margins = self._hulls.energy.slopes * joule + self._hulls.latency.slopes * second
        tilt, shared = self._tilt(margins / self.batch.kl_price_j, guess)
        return self._costed(weights_w, tilt, self.batch.own * np.exp(tilt), shared)

    def at_own(self) -> DualPoint:
        """The loads under the model's own routing. They follow from no weights: without a bound."""
        own = self.batch.own
        return self._costed(np.zeros(self.demands), np.zeros_like(own), own, None)

    def at_loads(self, of_used: Float64, beside: DualPoint) -> DualPoint:
        """Other loads, of the experts in use, which do not follow from weights: without a bound."""
        loads, tilt = np.zeros_like(beside.loads), beside.tilt.copy()
        loads[self.used] = of_used
        parts = of_used / self.batch.own[self.used]
        tilt[self.used] = np.log(np.maximum(parts, _LEAST_PART))
        return self._costed(beside.weights_w, tilt, loads, None)

    def _costed(
        self, weights_w: Float64, tilt: Float64, loads: Float64, shared: float | None
    ) -> DualPoint:
        parts = np.minimum(np.maximum(loads - self._hulls.starts, 0.0), self._hulls.widths)
        energy_j = self._fixed_energy_j + float(np.vdot(self._hulls.energy.slopes, parts))
        demands_s = self._demands_s(parts, energy_j)
        kl_nats = float(loads @ tilt)
        quality_and_energy_j = self.batch.kl_price_j * kl_nats + energy_j
        bound_j = -np.inf
        if shared is not None:
            # The multiplier of sum n = sum own makes it a bound whatever is missing from that sum.
            missing = float(loads.sum()) - self._total
            bound_j = quality_and_energy_j + float(weights_w @ demands_s)
            bound_j -= self.batch.kl_price_j * (1.0 + shared) * missing
        period_j = self.batch.period_price_w * float(demands_s.max())
        return DualPoint(
            weights_w=weights_w,
            tilt=tilt,
            loads=loads,
            energy_j=energy_j,
            kl_nats=kl_nats,
            demands_s=demands_s,
            objective_j=quality_and_energy_j + period_j,
            bound_j=bound_j,
            shared=shared or 0.0,
        )

    def pieces(self) -> Pieces:
        """The program of the experts that are in use, by the pieces of their curves."""
        hulls, used, headroom_w = self._hulls, self.used, self.batch.headroom_w
        energy_j = hulls.energy.slopes[:, used]
        per_joule = 0.0 if headroom_w is None else 1.0 / headroom_w
        return Pieces(
            own=self.batch.own[used],
            starts=hulls.starts[:, used],
            widths=hulls.widths[:, used],
            energy_j=energy_j,
            latency_s=hulls.latency.slopes[:, used],
            cap_s=energy_j * per_joule,
            fixed_s=np.append(self._fixed_latency_s, self._fixed_energy_j * per_joule),
            gpu_of=hulls.gpu_of[used],
            kl_price_j=self.batch.kl_price_j,
            period_price_w=self.batch.period_price_w,
        )

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

    def _tilt(self, margins: Float64, guess: float | None) -> tuple[Float64, float]:
        """The tilts [N] at `margins` [P, N] in nats per row, and the number that they share.

        The tilt of an expert is shared - margin, or that at which one margin ends where the next
        one would put it back: max over s of min(most_tilt_s, shared - margin_s). Newton's method
        finds the number at which the loads have their sum, from a bracket: at the least margin
        that an expert has at its own load no load is above its own, at the greatest none below.
        """
        own, share = margins[self._own_segment], self.batch.own
        low, high = float(own[self.used].min()), float(own[self.used].max())
        if guess is None:  # what is shared if no load leaves its piece
            guess = low - float(np.log(share @ np.exp(np.minimum(low - own, 0.0)) / self._total))
        shared = min(max(guess, low), high)
        for step in range(1, _MOST_STEPS + 1):
            free = shared - margins
            tilt = np.minimum(free, self._most_tilt).max(axis=0)
            loads = share * np.exp(tilt)
            total = float(loads.sum())
            missing = self._total - total
            if abs(missing) <= _TOTAL_TOLERANCE * self._total or step == _MOST_STEPS:
                break
            low, high = (shared, high) if missing > 0 else (low, shared)
            moving = float(loads @ (free == tilt).any(axis=0))
            following = low
            if moving > _ROUNDING * total:
                following = shared + total / moving * float(np.log(self._total / total))
            shared = following if low < following < high else 0.5 * (low + high)
        return tilt, shared
