"""The parts of a step that a reader is told of, by the terms that add up to it."""

from collections.abc import Mapping
from typing import Final

import numpy as np

from ..features.steps import Array

# Each term is in one part. Those of the physics fit come first, then those of SRFA and of the
# blackbox.
PARTS: Final = {
    "weights": ("dense_weights", "weights_time"),
    "experts": ("expert_weights",),
    "kv": ("kv", "kv_time"),
    "attention": ("attention_flops",),
    "sampling": ("logits",),
    "compute": ("dense_flops", "expert_flops", "decode_time"),
    "communication": (
        "all_reduce_rounds", "all_reduce", "all_to_all_rounds", "all_to_all",
        "all_reduce_layers", "all_to_all_layers", "router_and_dispatch",
    ),
    "prefill": (
        "prefill_weights", "prefill_dense_flops", "prefill_expert_flops",
        "prefill_attention_flops", "prefill_sent", "prefill_layers",
        "prefill_time", "prefill_token",
    ),
    "overhead": (
        "layers", "moe_layers", "fp8_moe_layers", "latent_layers", "sparse_layers",
        "linear_layers", "requests", "steps", "fixed", "base", "computed", "log_batch",
        "log_context", "mixed_batch", "step", "running_request",
    ),
}  # fmt: skip


def parts_us(terms: Mapping[str, Array], count: int) -> dict[str, Array]:
    """What the terms of `count` steps add up to by part; us, each of shape (n,)."""
    return {
        part: np.asarray(sum((terms[name] for name in names if name in terms), np.zeros(count)))
        for part, names in PARTS.items()
    }
