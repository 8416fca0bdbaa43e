"""What operations on packed weights share: how bytes are counted, and a second reading."""

from __future__ import annotations

from typing import Final

import torch

from ...kernels.formats.registry import format_named
from ...kernels.formats.weight_format import weight_bytes
from ...kernels.packing import outputs_of
from ...kernels.tiling.codes import INTEGER
from ...kernels.weights import Weights
from ..preset import Preset

UNPACK_FLOPS: Final = 2  # a weight: a subtraction or a conversion, and a product with its scale


def packed_bytes(outputs: int, inputs: int, preset: Preset, dtype_bytes: int) -> int:
    """Bytes of packed weights [outputs, inputs] in the preset's format, with their scales."""
    form = format_named(preset.packed_format, preset.group_size)
    return weight_bytes(form, outputs, inputs, dtype_bytes)


def looked_up(weights: Weights, inputs: int) -> torch.Tensor:
    """The weights of one layer, [outputs, inputs], each found at its place in the layout.

    The layout is that of kernels/packing.py. They are of the dtype of scales, or float32 where
    these are exponents.
    """
    outputs, scales = outputs_of(*weights.tensors[:2], weights.codes), weights.scales
    codes = _codes_at(weights.packed, outputs, inputs)
    if weights.codes == INTEGER:
        zeros = weights.zeros
        middle = 8 if weights.packed.shape[-1] == 4 else 128
        q = codes if weights.packed.shape[-1] == 4 else codes ^ 128
        values = (q - middle).to(scales.dtype)
        if zeros is not None:
            values = q - zeros.repeat_interleave(inputs // len(zeros), dim=0).T
    elif weights.codes == "e4m3":
        values = codes.to(torch.uint8).view(torch.float8_e4m3fn).to(scales.dtype)
    else:
        table = torch.tensor([0, 0.5, 1, 1.5, 2, 3, 4, 6, -0.0, -0.5, -1, -1.5, -2, -3, -4, -6])
        values, scales = table[codes], 2.0 ** (scales.float() - 127)
    rows = scales.repeat_interleave(inputs // scales.shape[0], dim=0)
    return values * rows.repeat_interleave(outputs // scales.shape[1], dim=1).T


def _codes_at(packed: torch.Tensor, outputs: int, inputs: int) -> torch.Tensor:
    """The stored bits of each weight, int32 [outputs, inputs]."""
    n, k = torch.arange(outputs)[:, None], torch.arange(inputs)[None, :]
    lane = n % 8 * 4 + k % 8 // 2
    tile, left, high = k % 64 // 16, n % 16 // 8, k % 16 // 8
    if packed.shape[3] == 4:
        word, place = packed[n // 16, k // 64, lane, tile], k % 2 * 4 + left + high * 2
        return word >> 4 * place & 15
    word, place = packed[n // 16, k // 64, lane, 2 * tile + high], k % 2 * 2 + left
    return word >> 8 * place & 255
