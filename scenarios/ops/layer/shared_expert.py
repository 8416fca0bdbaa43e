"""shared_expert: the gated expert that every token goes to, of all shared experts together.

x [tokens, hidden], W13 [2 shared_ffn, hidden], W2 [hidden, shared_ffn] -> y [tokens, hidden], all
of the scenario's dtype. The key names the activation. A model that multiplies the result by a gate
of its own (Qwen2-MoE) has that product besides.
"""

import torch

from ....kernels.gated import ACT_MUL_FLOPS, gated_expert
from ...operation import InputFactory, Operation
from ...preset import Preset
from . import act_mul


def make_inputs(
    take: InputFactory, tokens: int, hidden: int, shared_ffn: int, activation: str
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, str]:
    """Activations [tokens, hidden], both weights, and the name of the activation."""
    w13 = take((2 * shared_ffn, hidden))
    return take((tokens, hidden)), w13, take((hidden, shared_ffn)), activation


def run(x: torch.Tensor, w13: torch.Tensor, w2: torch.Tensor, activation: str) -> torch.Tensor:
    """Take all tokens through the expert: [tokens, hidden]."""
    return gated_expert(x, w13, w2, activation)


def reference(
    x: torch.Tensor, w13: torch.Tensor, w2: torch.Tensor, activation: str
) -> torch.Tensor:
    """The same, by its textbook formulas."""
    inner = act_mul.reference(torch.einsum("th,nh->tn", x, w13), activation)
    return torch.einsum("tf,hf->th", inner, w2)


def shared_flops(tokens: int, preset: Preset) -> int:
    """Three products of hidden by shared_ffn, and the activation."""
    width = preset.shared_ffn or 0
    products = 3 * 2 * tokens * preset.hidden * width
    return products + ACT_MUL_FLOPS[preset.activation] * tokens * width


OPERATION = Operation(
    name="shared_expert",
    make_inputs=make_inputs,
    run=run,
    reference=reference,
    flops=shared_flops,
    bytes_moved=lambda tokens, preset, dtype_bytes: (
        (2 * tokens + 3 * (preset.shared_ffn or 0)) * preset.hidden * dtype_bytes
    ),
    shape=("hidden", "shared_ffn"),
    variant=("activation",),
    imports=("from moeprof.kernels.gated import gated_expert",),
)
