"""The projections before and after attention, each one product y = x Wᵀ.

    qkv      x [tokens, hidden] -> queries, keys and values [tokens, (heads + 2 kv_heads) head_dim]
    o_proj   what the heads give [tokens, heads * head_dim] -> [tokens, hidden]

Of latent attention (MLA), as published (DeepSeek-V2, arXiv 2405.04434, section 2.1, and the
modeling_deepseek.py of its models), where o_proj has v_head_dim in place of head_dim:

    q_a      x [tokens, hidden] -> latent queries [tokens, q_lora_rank]
    q_b      latent queries -> queries [tokens, heads * (qk_nope_head_dim + qk_rope_head_dim)]
    q_proj   x [tokens, hidden] -> the same queries, where there is no q_lora_rank
    kv_a     x [tokens, hidden] -> what is cached [tokens, kv_lora_rank + qk_rope_head_dim]
    kv_b     [tokens, kv_lora_rank] -> keys and values [tokens, heads * (qk_nope_head_dim +
             v_head_dim)], in prefill

W has the width of y by that of x; all are of the scenario's dtype. Norms, the rotation by position
and the write into the cache are left out. Engines may have q_a and kv_a in one launch.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, Final

import torch

from ...operation import InputFactory, Operation
from ...preset import Preset


def qkv_inputs(
    take: InputFactory, tokens: int, hidden: int, heads: int, kv_heads: int, head_dim: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Activations, and weights to queries, keys and values."""
    return take((tokens, hidden)), take(((heads + 2 * kv_heads) * head_dim, hidden))


def o_inputs(
    take: InputFactory,
    tokens: int,
    heads: int,
    hidden: int,
    head_dim: int | None = None,
    v_head_dim: int | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """What the heads give, and weights to the hidden state."""
    width = heads * (head_dim or v_head_dim or 0)
    return take((tokens, width)), take((hidden, width))


def q_a_inputs(
    take: InputFactory, tokens: int, hidden: int, q_lora_rank: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Activations, and weights to the latent queries."""
    return take((tokens, hidden)), take((q_lora_rank, hidden))


def q_b_inputs(
    take: InputFactory,
    tokens: int,
    q_lora_rank: int,
    heads: int,
    qk_nope_head_dim: int,
    qk_rope_head_dim: int,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Latent queries, and weights to queries."""
    width = heads * (qk_nope_head_dim + qk_rope_head_dim)
    return take((tokens, q_lora_rank)), take((width, q_lora_rank))


def q_inputs(
    take: InputFactory,
    tokens: int,
    hidden: int,
    heads: int,
    qk_nope_head_dim: int,
    qk_rope_head_dim: int,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Activations, and weights to queries."""
    width = heads * (qk_nope_head_dim + qk_rope_head_dim)
    return take((tokens, hidden)), take((width, hidden))


def kv_a_inputs(
    take: InputFactory, tokens: int, hidden: int, kv_lora_rank: int, qk_rope_head_dim: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Activations, and weights to what is cached."""
    return take((tokens, hidden)), take((kv_lora_rank + qk_rope_head_dim, hidden))


def kv_b_inputs(
    take: InputFactory,
    tokens: int,
    kv_lora_rank: int,
    heads: int,
    qk_nope_head_dim: int,
    v_head_dim: int,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Latent keys and values, and weights to those of the heads."""
    width = heads * (qk_nope_head_dim + v_head_dim)
    return take((tokens, kv_lora_rank)), take((width, kv_lora_rank))


def run(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Multiply by the transposed weights."""
    return torch.nn.functional.linear(x, weight)


def reference(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """The same, by its textbook formula."""
    return torch.einsum("ti,oi->to", x, weight)


Widths = Callable[..., tuple[int, int]]
"""The widths of x and y, from the sizes of a shape in its order; a size that is not there is 0."""


def _projection(
    name: str, make_inputs: Callable[..., tuple[Any, ...]], shape: tuple[str, ...], widths: Widths
) -> Operation:
    return Operation(
        name=name,
        make_inputs=make_inputs,
        run=run,
        reference=reference,
        flops=partial(_flops, shape, widths),
        bytes_moved=partial(_bytes_moved, shape, widths),
        shape=shape,
    )


def _flops(shape: tuple[str, ...], widths: Widths, tokens: int, preset: Preset) -> int:
    inputs, outputs = widths(*preset.sizes(shape))
    return 2 * tokens * inputs * outputs


def _bytes_moved(
    shape: tuple[str, ...], widths: Widths, tokens: int, preset: Preset, dtype_bytes: int
) -> int:
    inputs, outputs = widths(*preset.sizes(shape))
    return (tokens * (inputs + outputs) + inputs * outputs) * dtype_bytes


QKV: Final = _projection(
    "qkv",
    qkv_inputs,
    ("hidden", "heads", "kv_heads", "head_dim"),
    lambda hidden, heads, kv_heads, head_dim: (hidden, (heads + 2 * kv_heads) * head_dim),
)
O_PROJ: Final = _projection(
    "o_proj",
    o_inputs,
    ("heads", "head_dim", "v_head_dim", "hidden"),
    lambda heads, head_dim, v_head_dim, hidden: (heads * (head_dim or v_head_dim), hidden),
)
Q_A: Final = _projection(
    "q_a", q_a_inputs, ("hidden", "q_lora_rank"), lambda hidden, rank: (hidden, rank)
)
Q_B: Final = _projection(
    "q_b",
    q_b_inputs,
    ("q_lora_rank", "heads", "qk_nope_head_dim", "qk_rope_head_dim"),
    lambda rank, heads, nope, rope: (rank, heads * (nope + rope)),
)
Q_PROJ: Final = _projection(
    "q_proj",
    q_inputs,
    ("hidden", "heads", "qk_nope_head_dim", "qk_rope_head_dim"),
    lambda hidden, heads, nope, rope: (hidden, heads * (nope + rope)),
)
KV_A: Final = _projection(
    "kv_a",
    kv_a_inputs,
    ("hidden", "kv_lora_rank", "qk_rope_head_dim"),
    lambda hidden, rank, rope: (hidden, rank + rope),
)
KV_B: Final = _projection(
    "kv_b",
    kv_b_inputs,
    ("kv_lora_rank", "heads", "qk_nope_head_dim", "v_head_dim"),
    lambda rank, heads, nope, values: (rank, heads * (nope + values)),
)
