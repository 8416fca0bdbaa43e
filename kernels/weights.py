"""Packed weights with what turns them into numbers: of one linear layer, or of many experts."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from ..store.errors import BadInput


@dataclass(frozen=True, slots=True)
class Weights:
    """Weights of a linear layer, or with one more dimension in front those of many experts.

    packed int32 [experts, ceil(N / 16), ceil(K / 64), 32, bits], scales and zeros
    [experts, K / group, N], bias [experts, N], as dequant_linear takes them for one.
    """

    packed: torch.Tensor
    scales: torch.Tensor
    zeros: torch.Tensor | None = None
    bias: torch.Tensor | None = None

    @property
    def tensors(self) -> tuple[torch.Tensor | None, ...]:
        """packed, scales, zeros and bias."""
        return self.packed, self.scales, self.zeros, self.bias

    def of(self, expert: int) -> Weights:
        """Weights of one of the experts."""
        zeros = None if self.zeros is None else self.zeros[expert]
        bias = None if self.bias is None else self.bias[expert]
        return Weights(self.packed[expert], self.scales[expert], zeros, bias)

    def experts(self) -> int:
        """Count the experts. Raises BadInput unless each tensor is of as many, and contiguous."""
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
