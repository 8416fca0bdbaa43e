"""attention_decode, attention_prefill: attention of sequences over their context, by torch's SDPA.

The batch size is the number of sequences, and each has `context` tokens. In decode each has one
query over the keys in its cache, in prefill one for each of its tokens, which sees those before it.

    attention_decode   q [sequences, heads, 1, head_dim], k and v [sequences, kv_heads, context,
                       head_dim] -> [sequences, heads, 1, head_dim]
    attention_prefill  q [sequences, heads, context, head_dim], k and v as above -> as q

All of the scenario's dtype. FLOPs are those of both products, as torch's FlopCounterMode counts
them: of the full square, though prefill needs half of it, and without the softmax.
"""

import math
from functools import partial
from typing import Final

import torch

from ...operation import InputFactory, Operation
from ...preset import Preset


def decode_inputs(
    take: InputFactory, tokens: int, heads: int, kv_heads: int, head_dim: int, context: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """One query for each sequence, and its keys and values."""
    cache = (tokens, kv_heads, context, head_dim)
    return take((tokens, heads, 1, head_dim)), take(cache), take(cache)


def run_decode(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    """Attend to the whole context: [sequences, heads, 1, head_dim]."""
    return torch.nn.functional.scaled_dot_product_attention(q, k, v, enable_gqa=True)


def prefill_inputs(
    take: InputFactory, tokens: int, heads: int, kv_heads: int, head_dim: int, context: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """A query for each token of each sequence, and its keys and values."""
    cache = (tokens, kv_heads, context, head_dim)
    return take((tokens, heads, context, head_dim)), take(cache), take(cache)


def run_prefill(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    """Attend to the tokens before each: [sequences, heads, context, head_dim]."""
    return torch.nn.functional.scaled_dot_product_attention(
        q, k, v, is_causal=True, enable_gqa=True
    )


def reference(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    """Either of them, by its textbook formula."""
    k, v = (x.repeat_interleave(q.shape[1] // k.shape[1], dim=1) for x in (k, v))
    scores = torch.einsum("shqd,shcd->shqc", q, k) / math.sqrt(q.shape[3])
    if q.shape[2] > 1:
        hidden = torch.ones(scores.shape[2:]).triu(1).bool()
        scores = scores.masked_fill(hidden, float("-inf"))
    return torch.einsum("shqc,shcd->shqd", torch.softmax(scores, dim=3), v)


_SHAPE: Final = ("heads", "kv_heads", "head_dim", "context")


def _flops(kind: str, tokens: int, preset: Preset) -> int:
    """Of each query two products with `context` vectors of head_dim."""
    heads, _, head_dim, context = preset.sizes(_SHAPE)
    queries = tokens * heads * (1 if kind == "decode" else context)
    return 4 * queries * context * head_dim


def _bytes_moved(kind: str, tokens: int, preset: Preset, dtype_bytes: int) -> int:
    """Queries in, results out, and the cache of keys and values."""
    heads, kv_heads, head_dim, context = preset.sizes(_SHAPE)
    each = 1 if kind == "decode" else context
    return 2 * tokens * (heads * each + kv_heads * context) * head_dim * dtype_bytes


DECODE: Final = Operation(
    name="attention_decode",
    make_inputs=decode_inputs,
    run=run_decode,
    reference=reference,
    flops=partial(_flops, "decode"),
    bytes_moved=partial(_bytes_moved, "decode"),
    shape=_SHAPE,
)

PREFILL: Final = Operation(
    name="attention_prefill",
    make_inputs=prefill_inputs,
    run=run_prefill,
    reference=reference,
    flops=partial(_flops, "prefill"),
    bytes_moved=partial(_bytes_moved, "prefill"),
    shape=_SHAPE,
)
