"""transformers_grouped_mm: a layer's routed experts by the `grouped_mm` of transformers.

transformers/integrations/moe.py has grouped_mm_experts_forward(self, hidden_states, top_k_index,
top_k_weights), which experts with `experts_implementation="grouped_mm"` call as their forward.
Read: 5.0.0 and 5.24.0. 4.57.6 has no such function.

`self` is a module of experts. Of it these versions read gate_up_proj [experts, 2 ffn, hidden],
whose rows are all gates, then all ups (`_default_apply_gate` halves the result), down_proj
[experts, hidden, ffn], and what `use_experts_implementation` sets. top_k_index is int64, as a
router gives it.
"""

from collections.abc import Callable
from types import MethodType, SimpleNamespace
from typing import Any, Final

import torch
from torch.nn import functional

from ..operation import InputFactory
from ..ops.layer import routed_experts
from ..ops.layer.routed_experts import plain_inputs
from .engine import Engine, routed_operation

ENGINE: Final = Engine(
    package="transformers",
    first="5.0.0",
    last="5.24.0",
    activations=("silu", "gelu"),
    dtypes=("float32", "bfloat16", "float16"),
    needs_cuda=False,
)


def forward_of(w13: torch.Tensor, w2: torch.Tensor, activation: str) -> Callable[..., torch.Tensor]:
    """The forward of a module of gated experts, which has what grouped_mm reads of one."""
    from transformers.integrations import moe

    module = SimpleNamespace(
        num_experts=len(w13),
        gate_up_proj=w13,
        down_proj=w2,
        act_fn=functional.silu if activation == "silu" else functional.gelu,
        has_gate=True,
        has_bias=False,
        has_post_expert_norm=False,
        is_transposed=False,
        is_concatenated=True,
        _is_expert_parallel=False,
    )
    module._apply_gate = MethodType(moe._default_apply_gate, module)
    return MethodType(moe.grouped_mm_experts_forward, module)


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
    """The forward of the experts, activations, the experts of each token, and their shares."""
    x, ids, shares, w13, w2, activation = plain_inputs(
        take, tokens, hidden, ffn, experts, top_k, activation, routing
    )
    return forward_of(w13, w2, activation), x, ids.long(), shares


def run(
    forward: Callable[..., torch.Tensor], x: torch.Tensor, ids: torch.Tensor, shares: torch.Tensor
) -> torch.Tensor:
    """Take each token through its experts: [tokens, hidden]."""
    return forward(hidden_states=x, top_k_index=ids, top_k_weights=shares)


def reference(
    forward: Any, x: torch.Tensor, ids: torch.Tensor, shares: torch.Tensor
) -> torch.Tensor:
    """The same, token by token and expert by expert."""
    module = forward.__self__
    activation = "silu" if module.act_fn is functional.silu else "gelu"
    w13, w2 = module.gate_up_proj.to(x.dtype), module.down_proj.to(x.dtype)
    return routed_experts.reference(x, ids, shares, w13, w2, activation)


OPERATION: Final = routed_operation(
    "transformers_grouped_mm",
    ENGINE,
    make_inputs,
    run,
    reference,
    (
        "import transformers.integrations.moe",
        "from moeprof.scenarios.engines.transformers_grouped_mm import forward_of",
        "from moeprof.scenarios.ops.layer.routed_experts import plain_inputs",
    ),
)
