"""A shape that was not measured, from the nearest that were: the utilisation is lent, not the time.

Each neighbour's utilisation at the batch size asked for counts by its inverse squared distance, in
octaves of the shape's sizes, and the roofline of the new shape turns it back into a time. The work
of the new shape follows from a neighbour's: arithmetic and weights grow with the product of the
sizes, operands per token with their sum. An operation whose measured shapes contradict that is not
transferred.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import exp, hypot, log, log2, prod
from typing import Final

import numpy as np

from ...store.cost_model import Peaks, Work
from ..cost import Cost
from ..roofline import roofline
from .costs import CurveCosts
from .extrapolation import OutOfRange

MAX_OCTAVES: Final = 2.0
_NEIGHBOURS: Final = 4
_TOLERANCE: Final = 0.05
# 16 public H200 GEMMs, each predicted from the others: half of the |log errors| are below 0.09,
# 90 % below 0.34 and 95 % below this.
HALF_WIDTH_95: Final = 0.82


@dataclass(frozen=True, slots=True)
class _Neighbour:
    costs: CurveCosts
    octaves: float
    work: Work


def transfer(
    op: str, shape: tuple[int, ...], tokens: int, found: Sequence[CurveCosts], peaks: Peaks | None
) -> Cost:
    """Tell the cost at an unmeasured shape. Raises Miss where nothing near enough is known."""
    near = sorted(_neighbours(shape, found), key=lambda one: one.octaves)[:_NEIGHBOURS]
    measured = ", ".join(sorted({_times(one.curve.shape) for one in found}))
    hint = f"it was measured at {measured}; profile this shape"
    if not near:
        reason = f"no shape within {MAX_OCTAVES:g} octaves of {_times(shape)} was measured"
        raise OutOfRange(op, tokens, reason, hint)
    bound = roofline(near[0].work, peaks, near[0].costs.curve.dtype)
    if bound is None:
        raise OutOfRange(op, tokens, "the device's rates are not known", hint)
    if not _scales(found):
        raise OutOfRange(
            op, tokens, "its work does not scale with its shape as that of a product", hint
        )
    sizes = np.array([tokens])
    weights, logs, halves = [], [], []
    for one in near:
        cost, own = one.costs.cost(tokens), one.costs.bound
        assert own is not None  # its work is known, and so are the device's rates
        weights.append(one.octaves**-2)
        logs.append(log(float(own.bound_us(sizes)[0]) / cost.latency_us))
        halves.append(log(cost.latency_us_hi / cost.latency_us))
    utilisation = exp(float(np.average(logs, weights=weights)))
    latency_us = float(bound.bound_us(sizes)[0]) / utilisation
    factor = exp(hypot(max(halves), HALF_WIDTH_95))
    nearest = near[0].costs.cost(tokens)
    return replace(
        nearest,
        latency_us=latency_us,
        latency_us_lo=latency_us / factor,
        latency_us_hi=latency_us * factor,
        energy_mj=None,
        energy_mj_lo=None,
        energy_mj_hi=None,
        power_w=None,
        temp_rise_c=None,
        energy_source="unavailable",
        energy_reason="energy is not transferred between shapes",
        measured=False,
        transferred=True,
    )


def _neighbours(shape: tuple[int, ...], found: Sequence[CurveCosts]) -> list[_Neighbour]:
    near = []
    for costs in found:
        known, work = costs.curve.shape, costs.curve.work
        if work is None or len(known) != len(shape) or not shape:
            continue
        octaves = [log2(size / own) for size, own in zip(shape, known, strict=True)]
        if max(map(abs, octaves)) <= MAX_OCTAVES:
            near.append(_Neighbour(costs, hypot(*octaves), _scaled(work, known, shape)))
    return near


def _scaled(work: Work, known: tuple[int, ...], shape: tuple[int, ...]) -> Work:
    product, total = prod(shape) / prod(known), sum(shape) / sum(known)
    return Work(
        flops_fixed=work.flops_fixed * product,
        flops_per_token=work.flops_per_token * product,
        bytes_fixed=work.bytes_fixed * product,
        bytes_per_token=work.bytes_per_token * total,
    )


def _scales(found: Sequence[CurveCosts]) -> bool:
    """Whether the rule predicts the work of every measured shape from the first one's."""
    known = [(one.curve.shape, one.curve.work) for one in found]
    shapes = [(shape, work) for shape, work in known if work is not None and shape]
    if not shapes:
        return False
    (anchor, of_anchor), *rest = shapes
    for shape, work in rest:
        if len(shape) != len(anchor):
            continue
        told = _scaled(of_anchor, anchor, shape)
        for field in ("flops_per_token", "bytes_fixed", "bytes_per_token"):
            expected, real = getattr(told, field), getattr(work, field)
            if abs(expected - real) > _TOLERANCE * max(expected, real):
                return False
    return True


def _times(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape)) or "no shape"
