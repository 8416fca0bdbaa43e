"""How much longer a measured attention kernel takes than reading the cache it attends to."""

from typing import Final

import numpy as np

from ..features.deployment import Deployment
from ..features.steps import Array
from .kernels import ModelKernels

_DECODE: Final = "attention_decode"  # its shape: (heads, kv_heads, head_dim, context); docs/ops.md


def beyond_reading(
    kernels: ModelKernels, served: Deployment, sequences: Array, context_tokens: Array
) -> Array:
    """Time of decode attention over that of reading its cache, less 1; 0 or more, of shape (n,).

    By the measured context nearest to each of `context_tokens` (n,), for `sequences` (n,) on one
    GPU. 0 throughout where the model has no such kernel of these heads.
    """
    model = served.model
    kv_heads = max(1, model.kv_heads // served.tp)
    heads = (model.heads // served.tp, kv_heads, model.head_dim)
    shapes = {curve.shape for curve in kernels.model.curves if curve.op == _DECODE}
    contexts = np.asarray(sorted(shape[3] for shape in shapes if shape[:3] == heads))
    found = np.zeros(len(sequences))
    if model.latent is not None or not len(contexts):
        return found
    far = np.abs(np.log(contexts / np.maximum(1.0, context_tokens)[:, None]))
    nearest = contexts[np.argmin(far, axis=1)]
    for context in np.unique(nearest).tolist():
        at = np.flatnonzero(nearest == context)
        us = _attention_us(kernels, (*heads, context), sequences[at])
        cached = 2 * kv_heads * model.head_dim * context
        reading = kernels.weights_us(cached) * np.maximum(1, np.rint(sequences[at]))
        found[at] = np.maximum(0.0, us / reading - 1)
    return found


def _attention_us(kernels: ModelKernels, shape: tuple[int, ...], sequences: Array) -> Array:
    return kernels.looked_up(
        (_DECODE, shape),
        sequences,
        f"attention of {shape[0]} heads over {shape[3]} tokens",
        lambda some: kernels.model.get_cost(_DECODE, some, shape=shape).latency_us,
    )
