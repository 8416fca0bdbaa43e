"""Packed weights to measure on: quantised from random float weights, by the pool of a script."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import torch

from ..packing import packed_shape
from ..weights import Weights
from .registry import format_named
from .weight_format import WeightFormat

_DEVIATION: Final = 1 / 64  # float weights have about that of a trained layer
_BLOCK: Final = 128  # outputs and inputs of the largest block that shares a scale


@dataclass(frozen=True, slots=True)
class Quantised:
    """Draws one tensor of packed weights: from float weights, rounded to a format.

    `group` are inputs that share a scale. Two are equal if they draw the same.
    """

    form: WeightFormat
    dtype: torch.dtype
    part: str
    group: int

    def __call__(self, normal: torch.Tensor) -> torch.Tensor:
        """Round standard normal numbers that fill whole blocks, and give the part as a vector."""
        inputs = max(1, len(normal) // _BLOCK // self.group) * self.group
        enough = normal.repeat(-(-_BLOCK * inputs // len(normal)))[: _BLOCK * inputs]
        weight = enough.view(_BLOCK, inputs) * _DEVIATION
        part: torch.Tensor = getattr(self.form.quantise(weight, self.dtype), self.part)
        return part.flatten()


def packed_weights(
    take: Callable[..., torch.Tensor],
    weight_format: str,
    group_size: int,
    outputs: int,
    inputs: int,
    experts: int | None = None,
) -> Weights:
    """Weights [outputs, inputs] of a format, or [experts, ...] of many, from the pool of inputs.

    `take(shape, dtype, draw)` is an InputFactory of an operation (scenarios/operation.py).
    """
    form = format_named(weight_format, group_size)
    dtype = take((1,)).dtype
    lead = () if experts is None else (experts,)
    group = math.lcm(group_size, _BLOCK)

    def part(name: str, shape: tuple[int, ...], kind: torch.dtype) -> torch.Tensor:
        return take((*lead, *shape), kind, Quantised(form, dtype, name, group))

    scales = form.scale_shape(outputs, inputs)
    return Weights(
        packed=part("packed", packed_shape(outputs, inputs, form.bits), torch.int32),
        scales=part("scales", scales, form.scale_dtype or dtype),
        zeros=part("zeros", scales, dtype) if form.zeros else None,
        codes=form.codes,
    )
