"""What attention reads and computes per step."""

import numpy as np

from ....store.serving.whole_model import WholeModel
from .steps import Array

_INDEX_BYTES = (
    132.0  # per token and layer of sparse attention: 128 of fp8 and a scale (DeepSeek-V3.2)
)


def attended_tokens(model: WholeModel, context_tokens: Array) -> Array:
    """Tokens that one query attends to, summed over the layers; of shape (n,).

    Layers of linear attention attend to none: their state has a fixed size.
    """
    full = np.minimum(context_tokens, model.sparse_tokens or np.inf)
    part = np.minimum(context_tokens, model.window_tokens)
    return np.asarray(model.full_layers * full + model.other_layers * part)


def kv_values_per_token(model: WholeModel) -> int:
    """Values that one token leaves in the cache of one layer of full attention."""
    if model.latent is not None:
        return model.latent.kv_rank + model.latent.rope_dim
    return 2 * model.kv_heads * model.head_dim


def kv_bytes(
    model: WholeModel, requests: Array, context_tokens: Array, *, value_bytes: float, tp: int
) -> Array:
    """Bytes of the cache that one of `tp` GPUs reads per step for `requests`; of shape (n,).

    Heads are split over GPUs, and repeated where there are more GPUs than heads; a latent cache
    belongs to all heads, so that every GPU reads it whole.
    """
    ways = 1 if model.latent is not None else min(tp, model.kv_heads)
    attended = attended_tokens(model, context_tokens) * kv_values_per_token(model) / ways
    indexed = model.layers * context_tokens * _INDEX_BYTES if model.sparse_tokens else 0.0
    return np.asarray(requests * (value_bytes * attended + indexed))


def attention_flops(model: WholeModel, tokens: Array, context_tokens: Array) -> Array:
    """FLOPs of all GPUs for scores and values of `tokens` queries; of shape (n,).

    With a latent cache the queries are projected onto it, and every head works on it whole.
    """
    if (latent := model.latent) is not None:
        per_pair = 2.0 * model.heads * (2 * latent.kv_rank + latent.rope_dim)
    else:
        per_pair = 4.0 * model.heads * model.head_dim
    return np.asarray(tokens * per_pair * attended_tokens(model, context_tokens))
