"""qkv: the projections to queries, keys and values as one product, y = x Wᵀ.

x [tokens, hidden], W [(heads + 2 kv_heads) * head_dim, hidden]
-> y [tokens, (heads + 2 kv_heads) * head_dim], all of the scenario's dtype.
"""

import torch

from ...operation import InputFactory, Operation
from ...preset import Preset


def make_inputs(
    take: InputFactory, tokens: int, hidden: int, heads: int, kv_heads: int, head_dim: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Activations [tokens, hidden] and weights [(heads + 2 kv_heads) * head_dim, hidden]."""
    return take((tokens, hidden)), take(((heads + 2 * kv_heads) * head_dim, hidden))


def run(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Multiply by the transposed weights."""
    return torch.nn.functional.linear(x, weight)


def reference(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """The same, by its textbook formula."""
    return torch.einsum("th,nh->tn", x, weight)


def _outputs(preset: Preset) -> int:
    return ((preset.heads or 0) + 2 * (preset.kv_heads or 0)) * (preset.head_dim or 0)


OPERATION = Operation(
    name="qkv",
    make_inputs=make_inputs,
    run=run,
    reference=reference,
    flops=lambda tokens, preset: 2 * tokens * preset.hidden * _outputs(preset),
    bytes_moved=lambda tokens, preset, dtype_bytes: (
        (tokens * preset.hidden + (tokens + preset.hidden) * _outputs(preset)) * dtype_bytes
    ),
    shape=("hidden", "heads", "kv_heads", "head_dim"),
)
