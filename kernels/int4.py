"""4-bit symmetric weights: their packed layout, and turning them back into numbers.

A weight is (n - 8) * scale with n in 0..15; one scale serves `group` neighbours along K.

    nibbles  int    [N, K]        n of each weight
    packed   int32  [N, K / 8]    8 neighbours along K a word, the first in the lowest bits
    scales   float  [K / group, N]

N is the number of outputs and K the number of inputs of the linear layer. `group` divides K and is
a multiple of 8, so that a word never spans two groups.
"""

import torch

from ..store.errors import BadInput

PER_WORD = 8  # weights of one int32
ZERO = 8  # the n that stands for weight 0


def pack(nibbles: torch.Tensor) -> torch.Tensor:
    """Pack integers 0..15 [N, K] into int32 [N, K / 8].

    Raises BadInput where K is no multiple of 8 or a value lies outside 0..15.
    """
    if nibbles.dim() != 2 or nibbles.shape[1] % PER_WORD:
        raise BadInput(f"nibbles must be [N, K] with K a multiple of 8, not {_shape(nibbles)}")
    if nibbles.is_floating_point() or not bool(((nibbles >= 0) & (nibbles <= 15)).all()):
        raise BadInput("nibbles must be integers of 0..15")
    by_word = nibbles.to(torch.int64).reshape(nibbles.shape[0], -1, PER_WORD)
    words = by_word << _shifts(nibbles.device)
    return words.sum(dim=2).to(torch.int32)  # keeps the low 32 bits, whatever the sign


def unpack(packed: torch.Tensor) -> torch.Tensor:
    """Undo `pack`: int32 [N, K / 8] to uint8 0..15 [N, K]."""
    words = packed[:, :, None] >> _shifts(packed.device)
    return (words & 15).to(torch.uint8).flatten(1)


def dequant_unpack(packed: torch.Tensor, scales: torch.Tensor) -> torch.Tensor:
    """Turn packed weights [N, K / 8] into numbers [N, K] of the dtype of `scales`.

    Each product is rounded to that dtype once. Raises BadInput as `group_size_of` does.
    """
    group = group_size_of(packed, scales)
    centred = (unpack(packed).to(scales.dtype) - ZERO).view(len(packed), -1, group)
    return (centred * scales.T[:, :, None]).flatten(1)


def group_size_of(packed: torch.Tensor, scales: torch.Tensor) -> int:
    """Read the group size off the shapes.

    Raises BadInput where `packed` is not int32 [N, K / 8], or `scales` is not floating point
    [K / group, N] on the same device, with a group that divides K and is a multiple of 8.
    """
    if packed.dim() != 2 or packed.dtype != torch.int32:
        raise BadInput(f"packed must be int32 [N, K / 8], not {packed.dtype} {_shape(packed)}")
    if scales.dim() != 2 or not scales.is_floating_point():
        raise BadInput(
            f"scales must be floating point [K / group, N], not {scales.dtype} {_shape(scales)}"
        )
    outputs, words = packed.shape
    groups = scales.shape[0]
    if scales.shape[1] != outputs or groups == 0 or words % groups:
        raise BadInput(
            f"scales {_shape(scales)} do not fit packed {_shape(packed)}: they must be"
            f" [K / group, {outputs}] with a group that divides K = {PER_WORD * words}"
            " and is a multiple of 8"
        )
    if scales.device != packed.device:
        raise BadInput(
            f"scales are on {scales.device} and packed on {packed.device}",
            hint="move both to one device",
        )
    return PER_WORD * words // groups


def _shifts(device: torch.device) -> torch.Tensor:
    return torch.arange(0, 32, 4, dtype=torch.int32, device=device)


def _shape(tensor: torch.Tensor) -> list[int]:
    return list(tensor.shape)
