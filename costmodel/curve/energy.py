"""Energy of a curve: E(b) = P(b) t(b) r(b), from the batch sizes whose energy was measured.

Power P changes slowly over batch size as long as the same kernel runs, while time t has steps:
energy then has the steps of time. r is the time per call under a steady load, where the power is
drawn, over that of a single call. Between two metered knots that run the same kernels, the energy
and both times are interpolated linearly; P and r are their quotients. Energy and time have a part
that is the same in each call and a part per token, so that power, their quotient, is no line: P
interpolated linearly is off by 10 % between two knots alone. Where the kernels of the two knots
differ, each size takes the P and r of the metered knot whose kernels it runs.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ...stats.arrays import Float64, Int64
from ...store.cost_model import CurveModel, FitError, Thermal
from ..rows import Row, all_rounded
from .fit import error_summary, leave_one_out
from .metered_knots import energies

_MIN_ANCHORS: Final = 3  # none of two can be left out
BEYOND: Final = "energy was measured at batch sizes {} to {} only"


def energy_fields(curve: str, knots: Sequence[Row]) -> dict[str, Any]:
    """Fields of CurveModel that hold the energy, or the reason why there is none."""
    fields, places = energies(curve, knots)
    if not places:
        return fields
    tokens = tuple(knots[place]["tokens"] for place in places)
    latency_us = np.array([knots[place]["latency_us"] for place in places])
    energy_mj = np.array(fields["energy_mj"])
    error = error_summary(_left_out_ratios(np.array(tokens, dtype=np.int64), energy_mj, latency_us))
    if len(places) < len(knots):
        beyond = BEYOND.format(tokens[0], tokens[-1])
        fields |= {"energy_tokens": tokens, "energy_reason": beyond}
    return {**fields, "power_error": FitError(**all_rounded(asdict(error)))}


@dataclass(frozen=True, slots=True)
class Metered:
    """Energy and heat at batch sizes [N], each array [N]; NaN where unknown.

    `power_w` is drawn under a steady load; `half_width` is that of its 95 % interval, as a |log|
    ratio; `temp_rise_c` is the steady rise of the temperature at that power above idle.
    """

    energy_mj: Float64
    power_w: Float64
    half_width: Float64
    temp_rise_c: Float64


def metered(
    curve: CurveModel, thermal: Thermal | None, latency_us: Float64, within: Int64
) -> Metered:
    """Energy and heat of calls of `latency_us` [N] at the batch sizes `within` [N] of the domain.

    For a size outside the domain, `within` holds the nearest size inside.
    """
    power_w = ratio = half = heat = np.full(within.shape, np.nan)
    if curve.energy_mj is not None:
        anchors = _anchors(curve)
        held = np.clip(within, anchors[0], anchors[-1])
        energy_mj = np.array(curve.energy_mj)
        single_us = np.array(curve.latency_us)[np.searchsorted(curve.knots_tokens, anchors)]
        steady_us = single_us * np.array(curve.sustained_ratio or np.ones(len(anchors)))
        around = _brackets(curve, anchors, held)
        steady_power_w = 1000 * around.of(energy_mj) / around.of(steady_us)
        power_w = np.where(held == within, steady_power_w, np.nan)
        ratio = around.of(steady_us) / around.of(single_us)
        half = _half_width(curve, around, anchors, single_us)
    if thermal is not None and curve.idle_power_w is not None:
        heat = thermal.r_c_per_w * (power_w - curve.idle_power_w)
    return Metered(power_w * ratio * latency_us / 1000, power_w, half, heat)


def _anchors(curve: CurveModel) -> Int64:
    """The metered knots [A]."""
    tokens = curve.knots_tokens if curve.energy_tokens is None else curve.energy_tokens
    return np.array(tokens, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class _Brackets:
    """The metered knots around each size, as places [N], and the share [N] that the right one has.

    Sizes between two knots of different kernels have all of the one whose kernels they run.
    `is_knot` [N] says which sizes are metered knots themselves.
    """

    left: Int64
    right: Int64
    share: Float64
    is_knot: npt.NDArray[np.bool_]

    def of(self, values: Float64) -> Float64:
        """Interpolate the knots' `values` [A] at the sizes [N]."""
        return (1 - self.share) * values[self.left] + self.share * values[self.right]

    def errors_of(self, values: Float64, errors: Float64) -> Float64:
        """Relative error of interpolated `values` [A] with independent relative `errors` [A]."""
        off = values * errors
        summed = np.hypot((1 - self.share) * off[self.left], self.share * off[self.right])
        return summed / self.of(values)


def _brackets(curve: CurveModel, anchors: Int64, held: Int64) -> _Brackets:
    right = np.clip(np.searchsorted(anchors, held), 1, len(anchors) - 1)
    left = right - 1
    share = (held - anchors[left]) / (anchors[right] - anchors[left])
    if curve.segments is not None:
        knots, segments = np.array(curve.knots_tokens), np.array(curve.segments)
        of_anchors = segments[np.searchsorted(knots, anchors)]
        here = segments[np.searchsorted(knots, held, side="right") - 1]
        is_one = of_anchors[left] == of_anchors[right]
        share = np.where(is_one, share, here == of_anchors[right])
    return _Brackets(left, right, share, np.isin(held, anchors))


def _left_out_ratios(anchors: Int64, energy_mj: Float64, latency_us: Float64) -> Float64:
    """Predicted over measured power of each inner metered knot, [A - 2], from the other ones."""
    energies, times = (leave_one_out("linear", anchors, one) for one in (energy_mj, latency_us))
    ratios: Float64 = energies / times / (energy_mj / latency_us)[1:-1]
    return ratios


def _half_width(
    curve: CurveModel, around: _Brackets, anchors: Int64, latency_us: Float64
) -> Float64:
    """Half width of power at each size, as a |log| ratio; NaN where unknown.

    Between two metered knots, what interpolation makes of the intervals of both and half of the
    larger left-out error are added in quadrature: leaving one out makes a gap of two brackets. An
    end is never left out, so its bracket takes the error of the other knot. With two knots there is
    none to leave out, and nothing is known of the error between them.
    """
    own, energy_mj = np.full(around.share.shape, np.nan), np.array(curve.energy_mj)
    if curve.energy_ci95 is not None:
        own = around.errors_of(energy_mj, np.array(curve.energy_ci95))
    if len(anchors) < _MIN_ANCHORS:
        return np.where(around.is_knot, own, np.nan)
    errors = np.zeros(len(anchors))
    errors[1:-1] = np.abs(np.log(_left_out_ratios(anchors, energy_mj, latency_us)))
    left_out = np.maximum(errors[around.left], errors[around.right]) / 2
    return np.where(around.is_knot, own, np.hypot(np.nan_to_num(own), left_out))
