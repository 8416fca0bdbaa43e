"""What measured kernels add to a step beyond reading weights and cache.

The time of an isolated kernel holds the reading of its weights. Summed over a model it would count
that reading a second time, beside the weights' own term: inference-sim tried that, and stopped at
1.6 times the error of its physics form (docs/steptime.md, "Kernels"). So of each call only the time
beyond the reading counts, 0 at least.
"""

from typing import Final

import numpy as np

from ..features.columns import kv_us
from ..features.deployment import Deployment
from ..features.experts import active_experts, decoding_experts
from ..features.parameters import expert_parameters
from ..features.steps import Array, Steps
from .attention import beyond_reading
from .experts import experts_us
from .kernels import ModelKernels
from .products import products_of

COLUMNS: Final = ("products", "experts", "attention")


def kernel_columns(kernels: ModelKernels, served: Deployment, steps: Steps) -> dict[str, Array]:
    """Time of a step's kernels beyond reading, by kind; us per GPU, each of shape (n,).

    A step with prompts computes them in the same calls as the tokens that decode. Raises BadInput
    for kernels of another GPU, and where a kernel that the model needs was not measured.
    """
    kernels.check_gpu(served)
    share, model = steps.prefill_share, served.model
    with_prompts = steps.running + steps.prefill_step_tokens
    calls = (
        (1 - share, steps.running, decoding_experts(model, steps)),
        (share, with_prompts, active_experts(model, with_prompts)),
    )
    products, experts = np.zeros(len(share)), np.zeros(len(share))
    for part, tokens, active in calls:
        at = np.flatnonzero(part > 0)
        products[at] += part[at] * _products_us(kernels, served, tokens[at] / served.dp)
        experts[at] += part[at] * _experts_us(kernels, served, tokens[at], active[at])
    sequences = steps.running / served.dp
    beyond = beyond_reading(kernels, served, sequences, steps.context_tokens)
    attention = beyond * kv_us(served, steps)
    return dict(zip(COLUMNS, (products, experts, attention), strict=True))


def is_converted(kernels: ModelKernels, served: Deployment) -> bool:
    """Whether kernels stand for arithmetic of another type than their own."""
    kinds = {one.arithmetic for one in products_of(served)}
    if served.model.experts is not None:
        kinds.add(served.precision.ffn_type)
    return any(kernels.rate_ratio(kind) != 1 for kind in kinds)


def _products_us(kernels: ModelKernels, served: Deployment, tokens: Array) -> Array:
    total = np.zeros(len(tokens))
    for one in products_of(served):
        reading = kernels.weights_us(one.outputs * one.inputs)
        beyond = np.maximum(0.0, kernels.product_us(one, tokens) - reading)
        total += one.layers * kernels.rate_ratio(one.arithmetic) * beyond
    return total


def _experts_us(kernels: ModelKernels, served: Deployment, tokens: Array, active: Array) -> Array:
    """Experts are spread over the GPUs, whole or in slices: each takes its share of all."""
    if served.model.experts is None:
        return np.zeros(len(tokens))
    us, read = experts_us(kernels, served.model, tokens, active)
    reading = read * kernels.weights_us(expert_parameters(served.model))
    beyond = np.maximum(0.0, us - reading) * kernels.rate_ratio(served.precision.ffn_type)
    return np.asarray(served.model.moe_layers * beyond / served.gpus)
