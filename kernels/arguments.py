"""Checks of kernel arguments. Each raises BadInput, which names what was given and the rule."""

import torch

from ..store.errors import BadInput
from .activation import GATED, REFERENCES
from .packing import Layout, layout_of
from .tiling.codes import INTEGER

DTYPES = (torch.bfloat16, torch.float16, torch.float32)
MAX_EXPERTS, MAX_PICKS = 1024, 32
_OFFSET_LIMIT = 2**31  # kernels compute offsets as int32

Named = tuple[tuple[str, torch.Tensor | None], ...]


def check_weights(
    x: torch.Tensor,  # [tokens, K]
    packed: torch.Tensor,  # int32 [ceil(N / 16), ceil(K / 64), 32, bits]
    scales: torch.Tensor,  # [K / group, N]
    zeros: torch.Tensor | None,  # [K / group, N]
    bias: torch.Tensor | None,  # [N]
    activation: str,
    codes: str = INTEGER,
) -> Layout:
    """Return the layout of a linear layer on packed weights.

    Raises BadInput unless its arguments fit each other.
    """
    if x.dim() != 2 or x.dtype not in DTYPES:
        raise BadInput(
            f"x must be [tokens, K] of bfloat16, float16 or float32, not {x.dtype} {list(x.shape)}"
        )
    layout = layout_of(packed, scales, x.shape[1], zeros, codes)
    _check_activation(activation)
    outputs = layout.outputs
    if activation in GATED and outputs % 2:
        raise BadInput(f"{activation} takes outputs in pairs, and there are {outputs}")
    if bias is not None and bias.shape != (outputs,):
        raise BadInput(f"bias must be [{outputs}], not {list(bias.shape)}")
    own_scales = scales if codes == INTEGER else None  # those of other codes have a dtype of theirs
    _check_dtypes(x, (("scales", own_scales), ("zeros", zeros), ("bias", bias)))
    _check_devices(x, (("packed", packed), ("scales", scales), ("bias", bias)))
    _check_contiguous((("packed", packed), ("scales", scales), ("zeros", zeros), ("bias", bias)))
    _check_rows_contiguous(x)
    _check_offsets(x, packed, outputs)
    return layout


def _check_activation(activation: str) -> None:
    if activation not in REFERENCES:
        raise BadInput(f"activation is {activation!r}", hint=f"known: {', '.join(REFERENCES)}")


def _check_dtypes(x: torch.Tensor, others: Named) -> None:
    for name, tensor in others:
        if tensor is not None and tensor.dtype != x.dtype:
            raise BadInput(
                f"x is {x.dtype} and {name} {tensor.dtype}: both must be of one dtype",
                hint=f"convert them, as in {name}.to(x.dtype)",
            )


def _check_devices(x: torch.Tensor, others: Named) -> None:
    for name, tensor in others:
        if tensor is not None and tensor.device != x.device:
            raise BadInput(
                f"x is on {x.device} and {name} on {tensor.device}", hint="move all to one device"
            )


def _check_contiguous(tensors: Named) -> None:
    for name, tensor in tensors:
        if tensor is not None and not tensor.is_contiguous():
            raise BadInput(f"{name} must be contiguous, and has strides {tensor.stride()}")


def _check_rows_contiguous(x: torch.Tensor) -> None:
    if x.stride(1) != 1 and x.shape[0] > 0:
        raise BadInput(
            f"rows of x must be contiguous, and it has strides {x.stride()}",
            hint="call .contiguous() on it",
        )


def _check_offsets(x: torch.Tensor, packed: torch.Tensor, outputs: int) -> None:
    """Refuse tensors whose largest offset does not fit the kernels' int32."""
    if packed.numel() >= _OFFSET_LIMIT:
        raise BadInput(
            f"packed has {packed.numel()} words, and the kernel counts to 2^31",
            hint="split the layer by its outputs",
        )
    tokens, inputs = x.shape
    offsets = max((tokens - 1) * x.stride(0) + inputs, tokens * outputs)
    if offsets >= _OFFSET_LIMIT:
        raise BadInput(
            f"{tokens} tokens need offsets up to {offsets}, and the kernel counts to 2^31",
            hint="split the batch",
        )


def check_rows(name: str, rows: torch.Tensor) -> None:
    """Raise BadInput unless `rows` are [tokens, experts] that the routing kernels accept."""
    if rows.dim() != 2 or rows.dtype not in DTYPES:
        raise BadInput(
            f"{name} must be [tokens, experts] of float32, bfloat16 or float16,"
            f" not {rows.dtype} {list(rows.shape)}"
        )
    experts = rows.shape[1]
    if not 1 <= experts <= MAX_EXPERTS:
        raise BadInput(f"there are {experts} experts, and must be 1..{MAX_EXPERTS}")
    if experts * rows.stride(1) >= _OFFSET_LIMIT:
        raise BadInput(
            f"a row of {name} reaches over offsets up to {experts * rows.stride(1)}, and the kernel"
            " counts to 2^31",
            hint="call .contiguous() on it",
        )


def check_picks(k: int, experts: int) -> None:
    """Raise BadInput unless k of `experts` experts can be picked."""
    allowed = min(experts, MAX_PICKS)
    if type(k) is not int or not 1 <= k <= allowed:
        raise BadInput(f"k is {k!r}, and must lie in 1..{allowed} for these experts")


def check_by_expert(
    name: str, values: torch.Tensor | None, dtype: torch.dtype, rows: torch.Tensor
) -> None:
    """Raise BadInput unless `values`, if given, are [experts] of `dtype` on the device of `rows`.

    `rows` is [tokens, experts].
    """
    if values is None:
        return
    if values.shape != (rows.shape[1],) or values.dtype != dtype:
        raise BadInput(
            f"{name} must be {dtype} [{rows.shape[1]}], not {values.dtype} {list(values.shape)}"
        )
    if values.device != rows.device:
        raise BadInput(
            f"{name} is on {values.device}, and must be on {rows.device}",
            hint="move all to one device",
        )
    _check_contiguous(((name, values),))
