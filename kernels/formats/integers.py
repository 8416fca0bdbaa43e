"""Whole numbers of 4 or 8 bits in groups along K, with or without zero points.

Symmetric: scale = max |w| / (2^(bits - 1) - 1), q = round(w / scale) + 2^(bits - 1). With zero
points: scale = (max w - min w) / (2^bits - 1), both bounds including 0, and zero = round(-min w /
scale), a whole number (GPTQ, Frantar et al. 2022, section 3; AWQ, Lin et al. 2023, section 3).
Scales and zero points are of the activations' dtype, q is rounded by the scale as it is stored.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from ..packing import pack
from ..tiling.codes import INTEGER
from ..weights import Weights
from .weight_format import shared


@dataclass(frozen=True, slots=True)
class Integers:
    """Whole numbers of `bits` bits; `group` neighbours along K share a scale."""

    bits: int
    group: int
    zeros: bool = False
    codes: str = INTEGER
    scale_dtype: torch.dtype | None = None

    def quantise(self, weight: torch.Tensor, dtype: torch.dtype) -> Weights:
        """As `WeightFormat` says; the error of a weight is half of its scale at most.

        A bound that is not 0 may be cut off by one more half, where zero points are rounded.
        """
        self.scale_shape(*weight.shape)
        groups = weight.float().reshape(len(weight), -1, self.group)  # [N, K / group, group]
        low, high = groups.amin(2).clamp(max=0), groups.amax(2).clamp(min=0)
        middle, levels = 1 << (self.bits - 1), (1 << self.bits) - 1
        spread = (high - low) / levels if self.zeros else torch.maximum(-low, high) / (middle - 1)
        scales = torch.where(spread > 0, spread, 1).to(dtype)
        exact = scales.float()
        zeros = (-low / exact).round().clamp(0, levels) if self.zeros else middle
        whole = zeros[:, :, None] if isinstance(zeros, torch.Tensor) else zeros
        q = ((groups / exact[:, :, None]).round() + whole).clamp(0, levels)
        packed = pack(q.to(torch.uint8).flatten(1), self.bits)
        stored = zeros.T.contiguous().to(dtype) if isinstance(zeros, torch.Tensor) else None
        return Weights(packed, scales.T.contiguous(), stored)

    def scale_shape(self, outputs: int, inputs: int) -> tuple[int, int]:
        """A scale for each group of each output."""
        return shared("K", inputs, self.group), outputs
