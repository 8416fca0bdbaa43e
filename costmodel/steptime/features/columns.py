"""The columns of the physics fit: what a step would take at the peak rates, in us per GPU.

Fit and prediction both call `columns`. Overheads have columns that count layers, requests and
steps; their coefficients are us per piece.
"""

import numpy as np

from ....stats.routing.distribution import UNIFORM
from .attention import attention_flops, kv_bytes, prompt_attention_flops
from .busiest import busiest_experts
from .communication import (
    all_reduce_bytes,
    all_reduce_rounds,
    all_to_all_bytes,
    all_to_all_rounds,
    one_shot_bytes,
)
from .deployment import Deployment
from .experts import active_experts, decoding_experts
from .parameters import (
    attention_parameters,
    dense_parameters,
    expert_parameters,
    head_parameters,
)
from .precisions import flop_per_us
from .steps import Array, Steps

_SCORE_BYTES = 4.0  # engines draw words from scores of 32 bits


def dense_weights_us(served: Deployment) -> float:
    """Reading the weights that every token uses, once."""
    model, stored = served.model, served.precision
    attention = attention_parameters(model) * stored.attention_bytes
    dense = dense_parameters(model) * stored.dense_bytes
    head = head_parameters(model) * stored.head_bytes
    return (attention + dense + head) / served.tp / served.bytes_per_us


def expert_weights_us(served: Deployment, experts: Array) -> Array:
    """Reading the weights of `experts` of each layer, split evenly over all GPUs."""
    one = expert_parameters(served.model) * served.precision.expert_bytes
    return experts * (served.model.moe_layers * one / served.gpus / served.bytes_per_us)


def active_weights_us(served: Deployment, active: Array) -> Array:
    """Reading the `active` experts of each layer that the busiest GPU has: the others wait for it.

    It has the expected maximum where experts stay whole (ep > 1), and as much as each other GPU
    where they are slices.
    """
    busiest = busiest_experts(served.model, active, served.ep)
    return expert_weights_us(served, busiest * served.ep)


def fullest_group(served: Deployment, running: Array) -> Array:
    """Requests of the group that has most, which all others wait for; of shape (n,).

    Requests are dealt out evenly; a mean that is no whole number lies between those beside it.
    """
    whole = np.floor(running)
    fewer, more = (np.ceil(number / served.dp) for number in (whole, whole + 1))
    return np.asarray(fewer + (running - whole) * (more - fewer))


def kv_us(served: Deployment, steps: Steps) -> Array:
    """Reading the cache of the running requests, and moving their states."""
    requests, size = fullest_group(served, steps.running), served.kv_value_bytes
    read = kv_bytes(served.model, requests, steps.context_tokens, value_bytes=size, tp=served.tp)
    return read / served.bytes_per_us


def dense_flops_us(served: Deployment, tokens: Array) -> Array:
    """Computing the dense layers and projections of `tokens`, without the head."""
    precision, sheet = served.precision, served.gpu
    attention = attention_parameters(served.model) / flop_per_us(sheet, precision.attention_type)
    dense = dense_parameters(served.model) / flop_per_us(sheet, precision.ffn_type)
    return 2 * tokens * (attention + dense) / served.gpus


def head_flops_us(served: Deployment, tokens: Array) -> Array:
    """Computing the head for `tokens`."""
    rate = flop_per_us(served.gpu, "bf16")
    return 2 * tokens * head_parameters(served.model) / rate / served.gpus


def expert_flops_us(served: Deployment, tokens: Array) -> Array:
    """Computing the routed experts of `tokens`."""
    if (experts := served.model.experts) is None:
        return np.zeros(len(tokens))
    per_token = experts.layers * experts.top_k * expert_parameters(served.model)
    return 2 * tokens * per_token / flop_per_us(served.gpu, served.precision.ffn_type) / served.gpus


def attention_flops_us(served: Deployment, steps: Steps) -> Array:
    """Computing scores and values of the running requests, and updating their states."""
    requests = fullest_group(served, steps.running)
    flops = attention_flops(served.model, requests, steps.context_tokens)
    return flops / flop_per_us(served.gpu, "bf16") / served.tp


def prompt_attention_flops_us(served: Deployment, steps: Steps) -> Array:
    """The same for the tokens of prompts."""
    prompts = (steps.prefill_tokens, steps.prompt_tokens, steps.cached_tokens)
    flops = prompt_attention_flops(served.model, *prompts)
    return flops / flop_per_us(served.gpu, "bf16") / served.gpus


def logits_us(served: Deployment, steps: Steps) -> Array:
    """Reading the scores of all words of the vocabulary, 4 bytes each, once.

    They are gathered on every GPU of a group before a word is drawn from them, so that a split
    shortens nothing; how often sorting and drawing read them is the coefficient.
    """
    read = fullest_group(served, steps.running) * served.model.vocabulary * _SCORE_BYTES
    return np.asarray(read / served.bytes_per_us)


def columns(served: Deployment, steps: Steps, routing: str = UNIFORM) -> dict[str, Array]:
    """All columns by name, each of shape (n,); us, and counts for overheads."""
    decode, prefill = _decode(served, steps, routing), _prefill(served, steps, routing)
    return decode | prefill | _counts(served, steps)


def _decode(served: Deployment, steps: Steps, routing: str) -> dict[str, Array]:
    """What the running requests take."""
    running = steps.running
    active = decoding_experts(served.model, steps, routing)
    some = np.ones(len(running))
    return {
        "dense_weights": some * dense_weights_us(served),
        "expert_weights": active_weights_us(served, active),
        "kv": kv_us(served, steps),
        "dense_flops": dense_flops_us(served, running) + head_flops_us(served, running),
        "expert_flops": expert_flops_us(served, running),
        "attention_flops": attention_flops_us(served, steps),
        "all_reduce_rounds": some * all_reduce_rounds(served),
        "all_reduce": one_shot_bytes(served, running) / served.link_bytes_per_us,
        "all_to_all_rounds": some * all_to_all_rounds(served),
        "all_to_all": all_to_all_bytes(served, running) / served.link_bytes_per_us,
        "logits": logits_us(served, steps),
    }


def _prefill(served: Deployment, steps: Steps, routing: str) -> dict[str, Array]:
    """What prompts take beside them."""
    tokens, share = steps.prefill_tokens, steps.reading_share
    active = active_experts(served.model, steps.prefill_step_tokens, routing)
    # Of the mean GPU, whose form quick/closed_form.py knows: prompts reach nearly all experts.
    weights = dense_weights_us(served) + expert_weights_us(served, active)
    sent = all_reduce_bytes(served, tokens) + all_to_all_bytes(served, tokens)
    return {
        "prefill_weights": share * weights,
        "prefill_dense_flops": dense_flops_us(served, tokens),
        "prefill_expert_flops": expert_flops_us(served, tokens),
        "prefill_attention_flops": prompt_attention_flops_us(served, steps),
        "prefill_sent": sent / served.link_bytes_per_us,
        "prefill_layers": share * served.model.layers,
    }


def _counts(served: Deployment, steps: Steps) -> dict[str, Array]:
    """What overheads are counted by."""
    model, some = served.model, np.ones(len(steps.running))
    return {
        "layers": some * model.layers,
        "moe_layers": some * model.moe_layers,
        "fp8_moe_layers": some * (model.moe_layers if served.precision_name == "fp8" else 0),
        "latent_layers": some * (model.attention_layers if model.latent is not None else 0),
        "sparse_layers": some * (model.full_layers if model.sparse_tokens else 0),
        "linear_layers": some * model.state_layers,
        "requests": fullest_group(served, steps.running),
        "steps": some,
    }
