"""What a product on packed weights refuses, and why."""

import torch

from ..store.errors import BadInput
from .activation import REFERENCES
from .packing import group_size

DTYPES = (torch.bfloat16, torch.float16, torch.float32)
_MOST_OFFSETS = 2**31


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
    offsets = max(x.shape[0] * max(x.stride(0), outputs), packed.numel())
    if offsets >= _MOST_OFFSETS:
        raise BadInput(
            f"{x.shape[0]} tokens need offsets up to {offsets}, and the kernel counts to 2^31",
            hint="split the batch",
        )
