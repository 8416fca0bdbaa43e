"""fp8 e4m3 with float32 scales: of the whole tensor, of each output, or of blocks of 128 by 128.

scale = max |w| of a block / 448, code = w / scale rounded to e4m3 (OCP 8-bit Floating Point
Specification 1.0; blocks as in DeepSeek-V3, arXiv 2412.19437, section 3.3.2).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from ..packing import pack_codes
from ..tiling.codes import FLOAT_CODES
from ..weights import Weights
from .weight_format import shared

_LARGEST = FLOAT_CODES["e4m3"].largest


@dataclass(frozen=True, slots=True)
class Fp8:
    """e4m3 whose scale serves `span` outputs and `group` inputs, None for all of them."""

    span: int | None
    group: int | None
    bits: int = 8
    codes: str = "e4m3"
    zeros: bool = False
    scale_dtype: torch.dtype | None = torch.float32

    def quantise(self, weight: torch.Tensor, dtype: torch.dtype) -> Weights:
        """As `WeightFormat` says; the relative error of a weight is 2^-4 at most.

        A weight below 2^-6 of its scale has an error of 2^-10 of the scale at most.
        """
        outputs, inputs = weight.shape
        groups, spans = self.scale_shape(outputs, inputs)
        blocks = weight.float().reshape(spans, outputs // spans, groups, inputs // groups)
        largest = blocks.abs().amax((1, 3))  # [N / span, K / group]
        scales = torch.where(largest > 0, largest / _LARGEST, 1)
        fitted = (blocks / scales[:, None, :, None]).clamp(-_LARGEST, _LARGEST)
        codes = fitted.view(weight.shape).to(torch.float8_e4m3fn).view(torch.uint8)
        return Weights(pack_codes(codes, 8), scales.T.contiguous(), codes="e4m3")

    def scale_shape(self, outputs: int, inputs: int) -> tuple[int, int]:
        """A scale for each block."""
        spans = shared("N", outputs, self.span or outputs)
        return shared("K", inputs, self.group or inputs), spans
