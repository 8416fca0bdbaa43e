"""mxfp4: e2m1 with a power of 2 for 32 neighbours along K (OCP Microscaling Formats 1.0).

The shared exponent is that of the largest magnitude less 2, the exponent of 6 (section 6.3); larger
values become 6. Exponents of 2^-126 and below are kept at 2^-126, so that a scale is normal.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from ..packing import pack_codes
from ..tiling.codes import FLOAT_CODES, values_of
from ..weights import Weights
from .weight_format import shared

GROUP = 32
_LARGEST = FLOAT_CODES["e2m1"].largest
_LARGEST_EXPONENT = 2
_BIAS = 127  # an e8m0 exponent is stored with this added


@dataclass(frozen=True, slots=True)
class Mxfp4:
    """Four bits a weight, and eight bits of exponent for 32."""

    bits: int = 4
    codes: str = "e2m1"
    zeros: bool = False
    scale_dtype: torch.dtype | None = torch.uint8

    def quantise(self, weight: torch.Tensor, dtype: torch.dtype) -> Weights:
        """As `WeightFormat` says; an error is a quarter of the group's largest weight at most."""
        self.scale_shape(*weight.shape)
        groups = weight.float().reshape(len(weight), -1, GROUP)
        _, exponent = torch.frexp(groups.abs().amax(2))  # largest = m * 2^exponent, 1/2 <= m < 1
        shared = (exponent - 1 - _LARGEST_EXPONENT + _BIAS).clamp(1, 254)
        fitted = torch.ldexp(groups, (_BIAS - shared)[:, :, None]).clamp(-_LARGEST, _LARGEST)
        scales = shared.to(torch.uint8).T.contiguous()
        return Weights(pack_codes(_nearest(fitted).flatten(1), 4), scales, codes="e2m1")

    def scale_shape(self, outputs: int, inputs: int) -> tuple[int, int]:
        """An exponent for each group of each output."""
        return shared("K", inputs, GROUP), outputs


def _nearest(values: torch.Tensor) -> torch.Tensor:
    """The code of the nearest e2m1 number, of two equally near the one with an even significand."""
    magnitudes = values_of("e2m1", values.device, torch.float32)[:8]
    between = (magnitudes[1:] + magnitudes[:-1]) / 2
    below = torch.bucketize(values.abs(), between)  # a tie goes down
    at_tie = torch.bucketize(values.abs(), between, right=True) > below
    code = below + (at_tie & (below % 2 == 1))
    return (code | torch.signbit(values) * 8).to(torch.uint8)
