"""Predict an unmeasured shape: the utilisation of its nearest measured shapes on its own roofline.

Each neighbour's utilisation at the batch size is weighted by its inverse squared distance, in
octaves of the shape's sizes. The work of the new shape follows from a neighbour's: arithmetic and
weights grow with the product of the sizes, operands per token with their sum, in which each size
counts by the bytes of its values: an input may be of fp8, and the output of bf16. An operation
whose measured shapes contradict that is not transferred.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import exp, hypot, log, log2, prod
from typing import Final

import numpy as np

from ...store.cost_model import Peaks, Work
from ...store.provenance import EnergySource
from ...store.text.listed import listed
from ..cost import Cost
from ..roofline import Roofline, roofline
from .costs import CurveCosts
from .extrapolation import OutOfRange

MAX_OCTAVES: Final = 2.0
NOT_TRANSFERRED: Final = "energy is not transferred between shapes"
_NEIGHBOURS: Final = 4
_TOLERANCE: Final = 0.05
# 16 public H200 GEMMs, each predicted from the others: half of the |log errors| are below 0.09,
# 90 % below 0.34 and 95 % below this.
HALF_WIDTH_95: Final = 0.82


@dataclass(frozen=True, slots=True)
class _Neighbour:
    """A measured shape `octaves` away, and the work of the new shape that follows from its own."""

    costs: CurveCosts
    octaves: float
    work: Work


def transfer(
    op: str, shape: tuple[int, ...], tokens: int, found: Sequence[CurveCosts], peaks: Peaks | None
) -> Cost:
    """Cost of `op` at the unmeasured `shape`, from the curves `found` of its measured shapes.

    Raises OutOfRange where no measured shape of known work is within two octaves, where the rates
    of the device are unknown, or where the work of the measured shapes does not grow as that of a
    product.
    """
    near = sorted(_neighbours(shape, found), key=lambda one: one.octaves)[:_NEIGHBOURS]
    bound = None if not near else roofline(near[0].work, peaks, near[0].costs.curve.dtype)
    if bound is None or not _scales(found):
        measured = listed(sorted({_times(one.curve.shape) for one in found}))
        hint = f"it was measured at {measured}; profile this shape"
        raise OutOfRange(op, tokens, _why_not(shape, bool(near), bound), hint)
    latency_us = _at_utilisation(near, bound, tokens)
    factor = exp(hypot(max(_half_width(one, tokens) for one in near), HALF_WIDTH_95))
    return replace(
        near[0].costs.cost(tokens),
        latency_us=latency_us,
        latency_us_lo=latency_us / factor,
        latency_us_hi=latency_us * factor,
        energy_mj=None,
        energy_mj_lo=None,
        energy_mj_hi=None,
        power_w=None,
        temp_rise_c=None,
        energy_source=EnergySource.UNAVAILABLE.value,
        energy_reason=NOT_TRANSFERRED,
        measured=False,
        measured_once=False,
        transferred=True,
    )


def _why_not(shape: tuple[int, ...], near: bool, bound: Roofline | None) -> str:
    if not near:
        return (
            f"no shape within {MAX_OCTAVES:g} octaves of {_times(shape)} was measured with its work"
        )
    if bound is None:
        return "the device's rates are not known"
    return "its work does not scale with its shape as that of a product"


def _at_utilisation(near: Sequence[_Neighbour], bound: Roofline, tokens: int) -> float:
    """Latency in us at the neighbours' weighted geometric mean utilisation."""
    sizes = np.array([tokens])
    weights, logs = [], []
    for one in near:
        own = one.costs.bound
        assert own is not None  # its work is known, and so are the device's rates
        weights.append(one.octaves**-2)
        logs.append(log(float(own.bound_us(sizes)[0]) / one.costs.cost(tokens).latency_us))
    utilisation = exp(float(np.average(logs, weights=weights)))
    return float(bound.bound_us(sizes)[0]) / utilisation


def _half_width(one: _Neighbour, tokens: int) -> float:
    cost = one.costs.cost(tokens)
    return log(cost.latency_us_hi / cost.latency_us)


def _neighbours(shape: tuple[int, ...], found: Sequence[CurveCosts]) -> list[_Neighbour]:
    near, value_bytes = [], _value_bytes(found, len(shape))
    for costs in found:
        known, work = costs.curve.shape, costs.curve.work
        if work is None or len(known) != len(shape) or not shape:
            continue
        octaves = [log2(size / own) for size, own in zip(shape, known, strict=True)]
        if max(map(abs, octaves)) <= MAX_OCTAVES:
            scaled = _scaled(work, known, shape, value_bytes)
            near.append(_Neighbour(costs, hypot(*octaves), scaled))
    return near


def _value_bytes(found: Sequence[CurveCosts], sizes: int) -> Sequence[float]:
    """How much each of so many sizes of a shape counts in the bytes of a token, relatively.

    By least squares of the measured shapes; all equal where these do not tell.
    """
    known = [(one.curve.shape, one.curve.work) for one in found]
    told = [(shape, work.bytes_per_token) for shape, work in known if work and len(shape) == sizes]
    even = [1.0] * sizes
    if not told or not sizes:
        return even
    shapes, moved = (np.asarray(part, dtype=np.float64) for part in zip(*told, strict=True))
    each, _, rank, _ = np.linalg.lstsq(shapes, moved)
    return each.tolist() if rank == sizes and (each > 0).all() else even


def _scaled(
    work: Work, known: tuple[int, ...], shape: tuple[int, ...], value_bytes: Sequence[float]
) -> Work:
    """The work at `shape` that follows from that at the `known` shape."""
    product = prod(shape) / prod(known)
    total = float(np.dot(value_bytes, shape) / np.dot(value_bytes, known))
    return Work(
        flops_fixed=work.flops_fixed * product,
        flops_per_token=work.flops_per_token * product,
        bytes_fixed=work.bytes_fixed * product,
        bytes_per_token=work.bytes_per_token * total,
    )


def _scales(found: Sequence[CurveCosts]) -> bool:
    """Whether `_scaled` predicts the work of every measured shape from the first one's."""
    known = [(one.curve.shape, one.curve.work) for one in found]
    shapes = [(shape, work) for shape, work in known if work is not None and shape]
    if not shapes:
        return False
    (first, first_work), *rest = shapes
    value_bytes = _value_bytes(found, len(first))
    return all(
        _agrees(_scaled(first_work, first, shape, value_bytes), work)
        for shape, work in rest
        if len(shape) == len(first)
    )


def _agrees(predicted: Work, real: Work) -> bool:
    pairs = (
        (predicted.flops_per_token, real.flops_per_token),
        (predicted.bytes_fixed, real.bytes_fixed),
        (predicted.bytes_per_token, real.bytes_per_token),
    )
    return all(abs(one - other) <= _TOLERANCE * max(one, other) for one, other in pairs)


def _times(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape)) or "no shape"
