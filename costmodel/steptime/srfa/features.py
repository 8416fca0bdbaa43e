"""The features of SRFA, called by fit and prediction alike; times in us.

F_fixed: 1, all-reduces, all-to-alls, base overhead. F_moe: router and dispatch to experts. F_comp:
1, time of prefill, of decode, of the cache, log(1 + batch), log(1 + context), share of prefill
times share of decode, and the read of the weights, which the text lacks. docs/steptime-method.md
lists each requirement of the text, and each decision where it is open or wrong.
"""

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np

from ..features.communication import all_to_all_bytes
from ..features.deployment import Deployment
from ..features.precisions import flop_per_us
from ..features.steps import Array
from ..rows.serving_rows import ServingRows, columns_of

FIXED: Final = ("fixed", "all_reduce_layers", "all_to_all_layers", "base")
MOE: Final = "router_and_dispatch"
WEIGHTS: Final = "weights_time"
COMPUTED: Final = (
    "computed", "prefill_time", "decode_time", "kv_time", "log_batch", "log_context", "mixed_batch",
    WEIGHTS,
)  # fmt: skip
_COMPUTING: Final = ("dense_flops", "expert_flops", "attention_flops")


def srfa_columns(rows: ServingRows) -> dict[str, Array]:
    """The features by name: FIXED, MOE, COMPUTED; each of shape (n,), times in us."""
    return features_of(rows, columns_of(rows))


def features_of(rows: ServingRows, columns: Mapping[str, Array]) -> dict[str, Array]:
    """The same, of rows whose physical columns are known."""
    steps = rows.steps
    some, layers = np.ones(len(rows)), columns["layers"]
    tokens = steps.running + steps.prefill_tokens
    router_us, dispatch_us = (_of_each(rows, each) for each in (_router_us, _dispatch_us))
    computing_us = {
        when: np.sum([columns[f"{when}{part}"] for part in _COMPUTING], axis=0)
        for when in ("prefill_", "")
    }
    return {
        "fixed": some,
        "all_reduce_layers": layers * _of_each(rows, lambda served: float(served.tp > 1)),
        "all_to_all_layers": layers * _of_each(rows, _exchanges),
        "base": some,
        MOE: tokens * (router_us + dispatch_us),
        "computed": some,
        "prefill_time": computing_us["prefill_"] - steps.prefill_tokens * router_us,
        "decode_time": computing_us[""] - steps.running * router_us,
        "kv_time": columns["kv"],
        "log_batch": np.log1p(steps.running),
        "log_context": np.log1p(steps.context_tokens),
        "mixed_batch": mixed_batch(steps.running, steps.prefill_tokens),
        WEIGHTS: columns["dense_weights"] + columns["expert_weights"],
    }


def mixed_batch(running: Array, prefill_tokens: Array) -> Array:
    """Share of prompt tokens times that of tokens that decode: 0 to 0.25, of shape (n,)."""
    tokens = running + prefill_tokens
    prefill = np.divide(prefill_tokens, tokens, out=np.zeros(len(tokens)), where=tokens > 0)
    return np.asarray(prefill * (1 - prefill))


def _of_each(rows: ServingRows, value: Callable[[Deployment], float]) -> Array:
    """A value of each row's deployment; of shape (n,)."""
    return np.asarray([value(served) for served in rows.deployments])[rows.which]


def _exchanges(served: Deployment) -> float:
    """1 where tokens go to experts on other GPUs, else 0."""
    return float(served.model.experts is not None and max(served.ep, served.dp) > 1)


def _router_us(served: Deployment) -> float:
    """Computing the routers of all layers for one token."""
    if (experts := served.model.experts) is None:
        return 0.0
    flops = 2 * served.model.hidden_size * experts.count * experts.layers
    return flops / flop_per_us(served.gpu, served.precision.ffn_type) / served.gpus


def _dispatch_us(served: Deployment) -> float:
    """Sending one token to its experts and back, in all layers."""
    return float(all_to_all_bytes(served, np.ones(1))[0]) / served.link_bytes_per_us
