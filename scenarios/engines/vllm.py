"""vllm_fused_experts: a layer's routed experts by vLLM's Triton kernels.

fused_experts(hidden_states, w1, w2, topk_weights, topk_ids, ...) of
vllm/model_executor/layers/fused_moe/fused_moe.py. Read: 0.11.2 and 0.33.0 whole, and the signatures
of 0.14.1, 0.20.2 and 0.27.1. All are called by keyword, because `inplace` comes before `activation`
in 0.11.2 and is gone from 0.27.1; it is False where it is left out. `activation` is a word up to
0.14.1, and a MoEActivation from 0.20.2.

w1 is W13 [experts, 2 ffn, hidden], whose rows are all gates, then all ups (silu_and_mul,
gelu_and_mul of csrc), or in turns for swigluoai, as for our `clipped`; w2 [experts, hidden, ffn].
topk_weights are float32 and topk_ids int32, both [tokens, top_k]. There is no expert map: the ids
count the active experts, which are all that w1 holds. Tiles are those that vLLM chooses for the
shape: its tuned file where it ships one, else its defaults.
"""

import inspect
from collections.abc import Callable
from enum import Enum
from functools import cache
from typing import Any, Final

import torch

from ..operation import InputFactory
from ..ops.layer import routed_experts
from ..ops.layer.routed_experts import plain_inputs
from .engine import Engine, routed_operation

WORDS: Final = {"silu": "silu", "gelu": "gelu", "clipped": "swigluoai"}
"""vLLM's activations by ours."""

ENGINE: Final = Engine(
    package="vllm",
    first="0.11.2",
    last="0.33.0",
    activations=tuple(WORDS),
    dtypes=("float32", "bfloat16", "float16"),
)


def fused_experts() -> Callable[..., torch.Tensor]:
    """vLLM's function."""
    from vllm.model_executor.layers.fused_moe import fused_moe

    found: Callable[..., torch.Tensor] = fused_moe.fused_experts
    return found


@cache
def activation_of(kernel: Callable[..., torch.Tensor], activation: str) -> Any:
    """The value of vLLM for an activation of ours: of the kind that the function has by default."""
    usual = inspect.signature(kernel).parameters["activation"].default
    return type(usual)(WORDS[activation]) if isinstance(usual, Enum) else WORDS[activation]


def make_inputs(
    take: InputFactory,
    tokens: int,
    hidden: int,
    ffn: int,
    experts: int,
    top_k: int,
    activation: str,
    routing: str,
) -> tuple[Any, ...]:
    """vLLM's function, activations, the experts of each token, their shares, weights, the form."""
    x, ids, shares, w13, w2, _ = plain_inputs(
        take, tokens, hidden, ffn, experts, top_k, activation, routing
    )
    kernel = fused_experts()
    return kernel, x, ids, shares, w13, w2, activation_of(kernel, activation)


def run(
    kernel: Callable[..., torch.Tensor],
    x: torch.Tensor,
    ids: torch.Tensor,
    shares: torch.Tensor,
    w13: torch.Tensor,
    w2: torch.Tensor,
    activation: Any,
) -> torch.Tensor:
    """Take each token through its experts: [tokens, hidden]."""
    return kernel(
        hidden_states=x,
        w1=w13,
        w2=w2,
        topk_weights=shares,
        topk_ids=ids,
        activation=activation,
    )


def reference(
    kernel: Callable[..., torch.Tensor],
    x: torch.Tensor,
    ids: torch.Tensor,
    shares: torch.Tensor,
    w13: torch.Tensor,
    w2: torch.Tensor,
    activation: Any,
) -> torch.Tensor:
    """The same, token by token and expert by expert."""
    word = activation.value if isinstance(activation, Enum) else activation
    ours = next(own for own, theirs in WORDS.items() if theirs == word)
    return routed_experts.reference(x, ids, shares, w13, w2, ours)


OPERATION: Final = routed_operation(
    "vllm_fused_experts",
    ENGINE,
    make_inputs,
    run,
    reference,
    (
        "import vllm.model_executor.layers.fused_moe.fused_moe",
        "from moeprof.scenarios.engines.vllm import activation_of, fused_experts",
        "from moeprof.scenarios.ops.layer.routed_experts import plain_inputs",
    ),
)
