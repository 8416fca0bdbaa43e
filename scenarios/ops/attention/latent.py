"""mla_prefill, mla_decode: latent attention (MLA) of sequences over their context, by torch's SDPA.

The batch size is the number of sequences, and each has `context` tokens. In prefill keys and values
are expanded to those of each head (by kv_b). In decode they stay latent, as engines run it
(DeepSeek-V2, arXiv 2405.04434, section 2.1.2): absorb_q has taken each query to the width of the
cache, which is one head of keys for all, and whose first kv_lora_rank elements are the values.

    mla_prefill  q and k [sequences, heads, context, qk_nope_head_dim + qk_rope_head_dim],
                 v [sequences, heads, context, v_head_dim]
                 -> [sequences, heads, context, v_head_dim]
    mla_decode   q [sequences, 1, heads, kv_lora_rank + qk_rope_head_dim],
                 cache [sequences, 1, context, kv_lora_rank + qk_rope_head_dim]
                 -> [sequences, 1, heads, kv_lora_rank]

All of the scenario's dtype. In decode the heads stand where SDPA has queries: they all read the one
head of keys, once, and no key is repeated. The scale is that of the width of q, where models take
qk_nope_head_dim + qk_rope_head_dim in decode too: it costs the same. FLOPs are those of products,
as torch's FlopCounterMode counts them: of the full square in prefill, and without the softmax.

Values of another width than keys rule out SDPA's flash kernel on NVIDIA GPUs, and a width above 256
does so too: it then takes the memory-efficient one, and in prefill of 192 and 128 cuDNN's on sm_90
and sm_100 (check_head_dim_size_flash, check_head_dim_size_mem_efficient, check_cudnn_tensor_shapes
in aten/src/ATen/native/transformers/cuda/sdp_utils.cpp of torch, read at 001f694a). Engines have
kernels of their own for it (FlashMLA, FlashInfer), which are not measured. Not run on a GPU yet.
"""

from typing import Final

import torch

from ...operation import InputFactory, Operation
from ...preset import Preset
from . import attention


def prefill_inputs(
    take: InputFactory,
    tokens: int,
    heads: int,
    qk_nope_head_dim: int,
    qk_rope_head_dim: int,
    v_head_dim: int,
    context: int,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """A query for each token of each sequence, and its expanded keys and values."""
    keys = (tokens, heads, context, qk_nope_head_dim + qk_rope_head_dim)
    return take(keys), take(keys), take((tokens, heads, context, v_head_dim))


def run_prefill(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    """Attend to the tokens before each: [sequences, heads, context, v_head_dim]."""
    return torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)


def decode_inputs(
    take: InputFactory,
    tokens: int,
    heads: int,
    kv_lora_rank: int,
    qk_rope_head_dim: int,
    context: int,
) -> tuple[torch.Tensor, torch.Tensor, int]:
    """One absorbed query for each head of each sequence, its cache, and the width of values."""
    width = kv_lora_rank + qk_rope_head_dim
    return take((tokens, 1, heads, width)), take((tokens, 1, context, width)), kv_lora_rank


def run_decode(q: torch.Tensor, cache: torch.Tensor, kv_lora_rank: int) -> torch.Tensor:
    """Attend to the whole context: [sequences, 1, heads, kv_lora_rank]."""
    values = cache[..., :kv_lora_rank]
    return torch.nn.functional.scaled_dot_product_attention(q, cache, values)


def decode_reference(q: torch.Tensor, cache: torch.Tensor, kv_lora_rank: int) -> torch.Tensor:
    """The same as one query of each head, by its textbook formula."""
    by_head = attention.reference(q.transpose(1, 2), cache, cache[..., :kv_lora_rank])
    return by_head.transpose(1, 2)


_PREFILL_SHAPE: Final = (
    "heads", "qk_nope_head_dim", "qk_rope_head_dim", "v_head_dim", "context"
)  # fmt: skip
_DECODE_SHAPE: Final = ("heads", "kv_lora_rank", "qk_rope_head_dim", "context")


def _prefill_flops(tokens: int, preset: Preset) -> int:
    """For each query, products with `context` keys and `context` values."""
    heads, nope, rope, values, context = preset.sizes(_PREFILL_SHAPE)
    return 2 * tokens * heads * context * context * (nope + rope + values)


def _prefill_bytes(tokens: int, preset: Preset, dtype_bytes: int) -> int:
    """Queries, keys, values and results."""
    heads, nope, rope, values, context = preset.sizes(_PREFILL_SHAPE)
    return 2 * tokens * heads * context * (nope + rope + values) * dtype_bytes


def _decode_flops(tokens: int, preset: Preset) -> int:
    """For each query, products with `context` cached tokens and their latent part."""
    heads, rank, rope, context = preset.sizes(_DECODE_SHAPE)
    return 2 * tokens * heads * context * (rank + rope + rank)


def _decode_bytes(tokens: int, preset: Preset, dtype_bytes: int) -> int:
    """Queries in, results out, and the cache, which is keys and values."""
    heads, rank, rope, context = preset.sizes(_DECODE_SHAPE)
    return tokens * (heads * (rank + rope + rank) + context * (rank + rope)) * dtype_bytes


PREFILL: Final = Operation(
    name="mla_prefill",
    make_inputs=prefill_inputs,
    run=run_prefill,
    reference=attention.reference,
    flops=_prefill_flops,
    bytes_moved=_prefill_bytes,
    shape=_PREFILL_SHAPE,
)

DECODE: Final = Operation(
    name="mla_decode",
    make_inputs=decode_inputs,
    run=run_decode,
    reference=decode_reference,
    flops=_decode_flops,
    bytes_moved=_decode_bytes,
    shape=_DECODE_SHAPE,
)
