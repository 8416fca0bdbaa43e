"""What the GPUs of one instance send each other per step."""

from math import log2, prod

import numpy as np

from ....store.serving.whole_model import Experts
from .deployment import Deployment
from .steps import Array

_VALUE_BYTES = 2.0  # activations travel in bf16


def all_reduce_rounds(served: Deployment) -> float:
    """All-reduces whose latency counts: one after each attention and each network.

    GPUs on one switch write to all others at once, so that the latency of a small one does not
    grow with their number.
    """
    return float(served.model.parts) if served.tp > 1 else 0.0


def all_reduce_bytes(served: Deployment, tokens: Array) -> Array:
    """Bytes that one GPU sends for `tokens` of all groups; of shape (n,).

    Each all-reduce sends 2 (tp-1)/tp times the activations (Patarasuk and Yuan 2009, J. Parallel
    Distrib. Comput. 69, section 3).
    """
    ways = 2 * (served.tp - 1) / served.tp
    activations = tokens / served.dp * served.model.hidden_size * _VALUE_BYTES
    return np.asarray(served.model.parts * ways * activations)


def one_shot_bytes(served: Deployment, tokens: Array) -> Array:
    """The same where each GPU reads the activations of all others at once; of shape (n,).

    So engines reduce what few tokens need: tp-1 times the activations, for one round of latency in
    place of 2 (tp-1) (one-shot all-reduce of vLLM, SGLang and TensorRT-LLM).
    """
    return np.asarray(all_reduce_bytes(served, tokens) * served.tp / 2)


def all_to_all_rounds(served: Deployment) -> float:
    """Rounds of latency: tokens go to their experts and back, in each layer with experts."""
    return 2 * served.model.moe_layers * log2(served.gpus) if served.dp > 1 else 0.0


def all_to_all_bytes(served: Deployment, tokens: Array) -> Array:
    """Bytes that one GPU sends for `tokens` of all groups; of shape (n,).

    A token goes once to each GPU of the other groups that computes one of its experts, and comes
    back; the GPUs of its own group, which all hold it, share the sending.
    """
    if served.model.experts is None or served.dp == 1:
        return np.zeros(len(tokens))
    copies = (served.dp - 1) * reached_share(served.model.experts, served.ep)
    activations = tokens / served.dp * served.model.hidden_size * _VALUE_BYTES
    return np.asarray(2 * served.model.moe_layers * copies * activations)


def reached_share(experts: Experts, parts: int) -> float:
    """The chance that a token has an expert in one of as many `parts` as experts are spread over.

    Its experts are distinct, and all are as likely; 1 for one part, which has slices of each.
    """
    held, others = experts.count / parts, range(experts.top_k)
    return 1 - prod(max(0.0, 1 - held / (experts.count - chosen)) for chosen in others)
