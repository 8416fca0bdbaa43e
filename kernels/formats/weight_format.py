"""What a format of quantised weights does: make packed weights of float ones, and count bytes."""

from __future__ import annotations

import math
from typing import Protocol

import torch

from ...store.errors import BadInput
from ..packing import packed_shape
from ..weights import Weights


class WeightFormat(Protocol):
    """A format of weights [N, K].

    `bits` are those of one weight, and `codes` what they are. Scales are of `scale_dtype`, or of
    the dtype of the activations where it is None; `zeros` says whether there are zero points.
    """

    @property
    def bits(self) -> int:
        """Bits of one weight, without scales."""
        ...

    @property
    def codes(self) -> str:
        """What the bits are: tiling/codes.py."""
        ...

    @property
    def zeros(self) -> bool:
        """Whether each scale has a zero point beside it."""
        ...

    @property
    def scale_dtype(self) -> torch.dtype | None:
        """The dtype of scales; None for that of the activations."""
        ...

    def quantise(self, weight: torch.Tensor, dtype: torch.dtype) -> Weights:
        """Round float weights [N, K] to the format; `dtype` is that of the activations.

        Raises BadInput as `scale_shape` does.
        """
        ...

    def scale_shape(self, outputs: int, inputs: int) -> tuple[int, int]:
        """Shape of the scales of weights [outputs, inputs], and of their zero points.

        Raises BadInput where what shares a scale does not divide one of the two.
        """
        ...


def weight_bytes(own: WeightFormat, outputs: int, inputs: int, dtype_bytes: int) -> int:
    """Bytes of packed weights [outputs, inputs], their scales and their zero points.

    `dtype_bytes` are those of an activation. Packed words hold whole slabs of 16 by 64.
    """
    words = math.prod(packed_shape(outputs, inputs, own.bits))
    a_scale = dtype_bytes if own.scale_dtype is None else own.scale_dtype.itemsize
    return 4 * words + (1 + own.zeros) * a_scale * math.prod(own.scale_shape(outputs, inputs))


def shared(what: str, size: int, block: int) -> int:
    """How many blocks a size has. Raises BadInput, naming `what`, where they do not divide it."""
    if size % block:
        raise BadInput(f"{what} is {size}, no multiple of {block}, which share a scale")
    return size // block
