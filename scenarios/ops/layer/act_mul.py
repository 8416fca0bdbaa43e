"""act_mul, act_mul_gelu, act_mul_clipped: the activation between w13 and w2 of a gated expert.

x [tokens * top_k, 2 ffn] -> y [tokens * top_k, ffn], of the scenario's dtype: silu(gate) * up,
gelu(gate) * up with the error function, and the form of gpt-oss, which limits both
(kernels/gated.py). So many rows lie between the grouped products of so many tokens.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import Final

import torch

from ....kernels.gated import ACT_MUL_FLOPS, act_mul
from ...operation import InputFactory, Operation
from ...preset import Preset


def silu_inputs(take: InputFactory, tokens: int, ffn: int, top_k: int) -> tuple[torch.Tensor, str]:
    """Both halves [tokens * top_k, 2 ffn], and what is done to them."""
    return take((tokens * top_k, 2 * ffn)), "silu"


def gelu_inputs(take: InputFactory, tokens: int, ffn: int, top_k: int) -> tuple[torch.Tensor, str]:
    """Both halves [tokens * top_k, 2 ffn], and what is done to them."""
    return take((tokens * top_k, 2 * ffn)), "gelu"


def clipped_inputs(
    take: InputFactory, tokens: int, ffn: int, top_k: int
) -> tuple[torch.Tensor, str]:
    """Both halves in turns [tokens * top_k, 2 ffn], and what is done to them."""
    return take((tokens * top_k, 2 * ffn)), "clipped"


def run(x: torch.Tensor, activation: str) -> torch.Tensor:
    """Apply the activation to one half and multiply by the other: [tokens * top_k, ffn]."""
    return act_mul(x, activation)


def reference(x: torch.Tensor, activation: str) -> torch.Tensor:
    """The same, by its textbook formula."""
    if activation == "clipped":
        gate, up = x[:, 0::2], x[:, 1::2]
        gate = torch.where(gate > 7, 7, gate)
        up = torch.where(up > 7, 7, torch.where(up < -7, -7, up))
        return gate / (1 + torch.exp(-1.702 * gate)) * (up + 1)
    gate, up = x[:, : x.shape[1] // 2], x[:, x.shape[1] // 2 :]
    if activation == "gelu":
        return gate / 2 * (1 + torch.erf(gate / math.sqrt(2))) * up
    return gate / (1 + torch.exp(-gate)) * up


def act_mul_flops(activation: str, tokens: int, preset: Preset) -> int:
    """Arithmetic of the activation of all rows of routed experts."""
    return ACT_MUL_FLOPS[activation] * tokens * preset.top_k * preset.ffn


def _operation(
    name: str, activation: str, make_inputs: Callable[..., tuple[torch.Tensor, str]]
) -> Operation:
    return Operation(
        name=name,
        make_inputs=make_inputs,
        run=run,
        reference=reference,
        flops=partial(act_mul_flops, activation),
        bytes_moved=lambda tokens, preset, dtype_bytes: (
            3 * tokens * preset.top_k * preset.ffn * dtype_bytes
        ),
        shape=("ffn",),
        fields=("top_k",),
        imports=("from moeprof.kernels.gated import act_mul",),
    )


OPERATIONS: Final = {
    "silu": _operation("act_mul", "silu", silu_inputs),
    "gelu": _operation("act_mul_gelu", "gelu", gelu_inputs),
    "clipped": _operation("act_mul_clipped", "clipped", clipped_inputs),
}
"""By the activation that a preset names."""
