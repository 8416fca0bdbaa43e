"""What attention, and layers with a state, read and compute per step."""

from typing import Final

import numpy as np

from ....store.serving.whole_model import WholeModel
from .steps import Array

_SCALE_BYTES: Final = 4  # an indexer keeps a scale with its fp8 key (DeepSeek-V3.2)
_INDEX_BYTES: Final = 128 + _SCALE_BYTES  # an indexer without sizes is DeepSeek-V3.2's


def attended_tokens(model: WholeModel, context_tokens: Array) -> Array:
    """Tokens that one query attends to, summed over the layers; of shape (n,).

    Layers with a state attend to none, those of chunked attention to what the last chunk holds.
    """
    full = np.minimum(context_tokens, model.sparse_tokens or np.inf)
    part = np.minimum(context_tokens, model.window_tokens)
    if model.chunked:
        before = np.maximum(np.ceil(context_tokens / model.window_tokens) - 1, 0.0)
        part = context_tokens - before * model.window_tokens
    return np.asarray(model.full_layers * full + model.window_layers * part)


def attended_in_prompt(
    model: WholeModel, prompt_tokens: Array, cached_tokens: Array | None = None
) -> Array:
    """Tokens that a query of a prompt attends to in the mean, summed over the layers; shape (n,).

    Half of the prompt without bounds; with a bound b on a longer prompt of p tokens, b - b^2 / 2p.
    The mean is over the queries behind the first `cached_tokens` of the prompt, None for all.
    """
    whole = _attended_from_start(model, prompt_tokens)
    if cached_tokens is None:
        return whole
    before = cached_tokens * _attended_from_start(model, cached_tokens)
    computed = np.maximum(prompt_tokens - cached_tokens, 1.0)
    return np.asarray((prompt_tokens * whole - before) / computed)


def _attended_from_start(model: WholeModel, prompt_tokens: Array) -> Array:
    """The mean over all queries of a prompt."""
    full = _mean_below(prompt_tokens, model.sparse_tokens or np.inf)
    part = _mean_below(prompt_tokens, model.window_tokens)
    if model.chunked:
        part = _mean_in_chunks(prompt_tokens, model.window_tokens)
    return np.asarray(model.full_layers * full + model.window_layers * part)


def _mean_below(tokens: Array, bound: float) -> Array:
    """Mean of min(position, bound) over positions up to `tokens`."""
    most = np.maximum(tokens, 1.0)
    reached = np.minimum(tokens, bound)
    return np.asarray(reached - reached**2 / 2 / most)


def _mean_in_chunks(tokens: Array, chunk: int) -> Array:
    """Mean of position modulo `chunk` over positions up to `tokens`: the last may be short."""
    whole, rest = np.divmod(tokens, chunk)
    return np.asarray((whole * chunk**2 + rest**2) / 2 / np.maximum(tokens, 1.0))


def kv_values_per_token(model: WholeModel) -> int:
    """Values that one token leaves in the cache of one layer of full attention."""
    if model.latent is not None:
        return model.latent.kv_rank + model.latent.rope_dim
    return 2 * model.kv_heads * model.head_dim


def kv_bytes(
    model: WholeModel, requests: Array, context_tokens: Array, *, value_bytes: float, tp: int
) -> Array:
    """Bytes of cache and states that one of `tp` GPUs moves per step for `requests`; shape (n,).

    Heads are split over GPUs, and repeated where there are more GPUs than heads; a latent cache
    belongs to all heads, so that every GPU reads it whole. States are read and written.
    """
    cached = _cache_bytes(model, attended_tokens(model, context_tokens), value_bytes, tp)
    indexed = context_tokens * index_bytes_per_token(model)
    states = 2 * state_bytes_per_request(model) / tp
    return np.asarray(requests * (cached + indexed + states))


def kept_bytes(model: WholeModel, context_tokens: Array, *, value_bytes: float, tp: int) -> Array:
    """Bytes that one of `tp` GPUs keeps for a request of so many tokens; of shape (n,).

    A window keeps no more than it reads; sparse attention keeps all that it may choose from.
    """
    within = np.minimum(context_tokens, model.window_tokens)
    tokens = model.full_layers * context_tokens + model.window_layers * within
    indexed = context_tokens * index_bytes_per_token(model)
    cached = _cache_bytes(model, tokens, value_bytes, tp)
    return np.asarray(cached + indexed + state_bytes_per_request(model) / tp)


def _cache_bytes(model: WholeModel, tokens: Array, value_bytes: float, tp: int) -> Array:
    """Bytes on one of `tp` GPUs of so many tokens of one layer each."""
    ways = 1 if model.latent is not None else min(tp, model.kv_heads)
    return np.asarray(tokens * (value_bytes * kv_values_per_token(model) / ways))


def index_bytes_per_token(model: WholeModel) -> int:
    """Bytes that one token leaves in the indexers of all layers; 0 without sparse attention."""
    if not model.sparse_tokens:
        return 0
    if (index := model.index) is None:
        return model.full_layers * _INDEX_BYTES
    return index.layers * (index.head_dim + _SCALE_BYTES)


def state_bytes_per_request(model: WholeModel) -> int:
    """Bytes of all states of one request; 0 without such layers, or where they are not known."""
    return 0 if model.states is None else model.states.layers * (model.states.state_bytes or 0)


def attention_flops(model: WholeModel, tokens: Array, context_tokens: Array) -> Array:
    """FLOPs of all GPUs for scores and values of `tokens` queries that decode; of shape (n,).

    With a latent cache the queries are projected onto it, and every head works on it whole. An
    indexer scores the whole context, and states are updated and read.
    """
    pairs = _flops_per_pair(model) * attended_tokens(model, context_tokens)
    return np.asarray(tokens * (pairs + _flops_beside(model, context_tokens)))


def prompt_attention_flops(
    model: WholeModel, tokens: Array, prompt_tokens: Array, cached_tokens: Array | None = None
) -> Array:
    """The same for `tokens` of prompts of `prompt_tokens`, `cached_tokens` before them; shape (n,).

    A latent cache is expanded to keys and values of each head first, which takes fewer FLOPs for
    many queries; sparse attention works on it as it is.
    """
    per_pair, latent = _flops_per_pair(model), model.latent
    if latent is not None and not model.sparse_tokens:
        per_pair = 2.0 * model.heads * (latent.nope_dim + latent.rope_dim + latent.value_dim)
    pairs = per_pair * attended_in_prompt(model, prompt_tokens, cached_tokens)
    scored = (prompt_tokens + (0.0 if cached_tokens is None else cached_tokens)) / 2
    return np.asarray(tokens * (pairs + _flops_beside(model, scored)))


def _flops_per_pair(model: WholeModel) -> float:
    """FLOPs of a query and one token that it attends to, on the cache as it is."""
    if (latent := model.latent) is not None:
        return 2.0 * model.heads * (2 * latent.kv_rank + latent.rope_dim)
    return 4.0 * model.heads * model.head_dim


def _flops_beside(model: WholeModel, scored_tokens: Array) -> Array:
    """FLOPs of a query in indexers, which score `scored_tokens`, and in layers with a state."""
    index, states = model.index, model.states
    per_scored = 0 if index is None else 2 * index.heads * index.head_dim * index.layers
    in_states = 0 if states is None else states.layers * states.flops
    return np.asarray(per_scored * scored_tokens + in_states)
