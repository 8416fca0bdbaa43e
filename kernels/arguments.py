"""What the kernels refuse, and why."""

import torch

from ..store.errors import BadInput
from .activation import REFERENCES
from .packing import group_size

DTYPES = (torch.bfloat16, torch.float16, torch.float32)
MAX_EXPERTS, MAX_PICKS = 1024, 32
_MAX_OFFSETS = 2**31


def check_weights(
    x: torch.Tensor,
    packed: torch.Tensor,
    scales: torch.Tensor,
    zeros: torch.Tensor | None,
    bias: torch.Tensor | None,
    activation: str,
) -> None:
    """Raise BadInput, naming what was given and the rule, unless the arguments fit each other."""
    if x.dim() != 2 or x.dtype not in DTYPES:
        raise BadInput(
            f"x must be [tokens, K] of bfloat16, float16 or float32, not {x.dtype} {list(x.shape)}"
        )
    group_size(packed, scales, x.shape[1], zeros)
    outputs = scales.shape[1]
    if activation not in REFERENCES:
        raise BadInput(f"activation is {activation!r}", hint=f"known: {', '.join(REFERENCES)}")
    if bias is not None and bias.shape != (outputs,):
        raise BadInput(f"bias must be [{outputs}], not {list(bias.shape)}")
    for name, tensor in (("scales", scales), ("zeros", zeros), ("bias", bias)):
        if tensor is not None and tensor.dtype != x.dtype:
            raise BadInput(
                f"x is {x.dtype} and {name} {tensor.dtype}: both must be of one dtype",
                hint=f"convert them, as in {name}.to(x.dtype)",
            )
    for name, tensor in (("packed", packed), ("bias", bias)):
        if tensor is not None and tensor.device != x.device:
            raise BadInput(
                f"x is on {x.device} and {name} on {tensor.device}", hint="move all to one device"
            )
    for name, tensor in (("packed", packed), ("scales", scales), ("zeros", zeros), ("bias", bias)):
        if tensor is not None and not tensor.is_contiguous():
            raise BadInput(f"{name} must be contiguous, and has strides {tensor.stride()}")
    if x.stride(1) != 1 and x.shape[0] > 0:
        raise BadInput(
            f"rows of x must be contiguous, and it has strides {x.stride()}",
            hint="call .contiguous() on it",
        )
    if packed.numel() >= _MAX_OFFSETS:
        raise BadInput(
            f"packed has {packed.numel()} words, and the kernel counts to 2^31",
            hint="split the layer by its outputs",
        )
    tokens, inputs = x.shape
    offsets = max((tokens - 1) * x.stride(0) + inputs, tokens * outputs)
    if offsets >= _MAX_OFFSETS:
        raise BadInput(
            f"{tokens} tokens need offsets up to {offsets}, and the kernel counts to 2^31",
            hint="split the batch",
        )


def check_rows(name: str, rows: torch.Tensor) -> None:
    """Raise BadInput unless `rows` are [tokens, experts] that the routing kernels take."""
    if rows.dim() != 2 or rows.dtype not in DTYPES:
        raise BadInput(
            f"{name} must be [tokens, experts] of float32, bfloat16 or float16,"
            f" not {rows.dtype} {list(rows.shape)}"
        )
    experts = rows.shape[1]
    if not 1 <= experts <= MAX_EXPERTS:
        raise BadInput(f"there are {experts} experts, and must be 1..{MAX_EXPERTS}")
    if experts * rows.stride(1) >= _MAX_OFFSETS:
        raise BadInput(
            f"a row of {name} reaches over offsets up to {experts * rows.stride(1)}, and the kernel"
            " counts to 2^31",
            hint="call .contiguous() on it",
        )


def check_picks(k: int, most: int) -> None:
    """Raise BadInput unless k of `most` experts can be picked."""
    allowed = min(most, MAX_PICKS)
    if type(k) is not int or not 1 <= k <= allowed:
        raise BadInput(f"k is {k!r}, and must lie in 1..{allowed} for these experts")


def check_by_expert(
    name: str, numbers: torch.Tensor | None, dtype: torch.dtype, rows: torch.Tensor
) -> None:
    """Raise BadInput unless `numbers`, where given, hold one of `dtype` for each expert."""
    if numbers is None:
        return
    if numbers.shape != (rows.shape[1],) or numbers.dtype != dtype:
        raise BadInput(
            f"{name} must be {dtype} [{rows.shape[1]}], not {numbers.dtype} {list(numbers.shape)}"
        )
    if numbers.device != rows.device:
        raise BadInput(
            f"{name} is on {numbers.device}, and must be on {rows.device}",
            hint="move all to one device",
        )
    if not numbers.is_contiguous():
        raise BadInput(f"{name} must be contiguous, and has strides {numbers.stride()}")
