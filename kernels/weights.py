"""Packed weights, scales, zero points and bias: of one linear layer or of many experts."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from ..store.errors import BadInput
from .tiling.codes import INTEGER


@dataclass(frozen=True, slots=True)
class Weights:
    """Weights of a linear layer, or with a leading dimension [experts, ...] of many experts.

    `codes` says what the packed bits are: integers, or one of tiling/codes.py.
    """

    packed: torch.Tensor  # int32 [ceil(N / 16), ceil(K / 64), 32, bits]
    scales: torch.Tensor  # [K / group, N], or of floating-point codes [K / group, N / span]
    zeros: torch.Tensor | None = None  # [K / group, N]
    bias: torch.Tensor | None = None  # [N]
    codes: str = INTEGER

    @property
    def tensors(
        self,
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor | None, torch.Tensor | None]:
        """The tensors in the order packed, scales, zeros, bias."""
        return self.packed, self.scales, self.zeros, self.bias

    def of(self, expert: int) -> Weights:
        """Weights of one expert."""
        zeros = None if self.zeros is None else self.zeros[expert]
        bias = None if self.bias is None else self.bias[expert]
        return Weights(self.packed[expert], self.scales[expert], zeros, bias, self.codes)

    def experts(self) -> int:
        """Number of experts. Raises BadInput unless all tensors agree on it and are contiguous."""
        if self.packed.dim() != 5 or len(self.packed) == 0:
            raise BadInput(
                "packed must be int32 [experts, ceil(N / 16), ceil(K / 64), 32, bits],"
                f" not {list(self.packed.shape)}"
            )
        number = len(self.packed)
        for name in ("scales", "zeros", "bias"):
            tensor = getattr(self, name)
            own = number if tensor is None else len(tensor) if tensor.dim() else 0
            if own != number:
                raise BadInput(f"packed is of {number} experts and {name} of {own}")
        for name in ("packed", "scales", "zeros", "bias"):
            tensor = getattr(self, name)
            if tensor is not None and not tensor.is_contiguous():
                raise BadInput(f"{name} must be contiguous, and has strides {tensor.stride()}")
        return number
