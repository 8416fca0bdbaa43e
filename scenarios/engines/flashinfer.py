"""flashinfer_fused_moe: a layer's routed experts by FlashInfer's CUTLASS kernels.

cutlass_fused_moe(input, token_selected_experts, token_final_scales, fc1_expert_weights,
fc2_expert_weights, output_dtype, quant_scales, ...) of flashinfer/fused_moe/core.py. Read: 0.5.3
and 0.7.4, and compute_with_experts of tests/moe/test_trtllm_cutlass_fused_moe.py of 0.5.3 and of
August 2026, which says the layout.

fc1_expert_weights is W31 [experts, 2 ffn, hidden]: its rows are all ups, then all gates, unlike the
W13 of the other engines; fc2_expert_weights is [experts, hidden, ffn]. token_selected_experts are
int32 and token_final_scales float32, both [tokens, top_k]. quant_scales are None for bfloat16 and
float16, and have no default. The result is a list that begins with y. Tactics are FlashInfer's
defaults: its autotuner is not run.
"""

from collections.abc import Callable
from typing import Any, Final

import torch

from ..operation import InputFactory
from ..ops.layer import routed_experts
from ..ops.layer.routed_experts import plain_inputs
from .engine import Engine, routed_operation

ENGINE: Final = Engine(
    package="flashinfer-python", first="0.5.3", last="0.7.4", activations=("silu",)
)


def fused_moe() -> Callable[..., Any]:
    """FlashInfer's function."""
    from flashinfer import fused_moe as module

    found: Callable[..., Any] = module.cutlass_fused_moe
    return found


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
    """FlashInfer's function, activations, the experts of each token, their shares, W31 and W2."""
    x, ids, shares, w31, w2, _ = plain_inputs(
        take, tokens, hidden, ffn, experts, top_k, activation, routing
    )
    return fused_moe(), x, ids, shares, w31, w2


def run(
    kernel: Callable[..., Any],
    x: torch.Tensor,
    ids: torch.Tensor,
    shares: torch.Tensor,
    w31: torch.Tensor,
    w2: torch.Tensor,
) -> Any:
    """Take each token through its experts: [tokens, hidden], or a list that begins with it."""
    return kernel(
        input=x,
        token_selected_experts=ids,
        token_final_scales=shares,
        fc1_expert_weights=w31,
        fc2_expert_weights=w2,
        output_dtype=x.dtype,
        quant_scales=None,
    )


def reference(
    kernel: Callable[..., Any],
    x: torch.Tensor,
    ids: torch.Tensor,
    shares: torch.Tensor,
    w31: torch.Tensor,
    w2: torch.Tensor,
) -> torch.Tensor:
    """The same, token by token and expert by expert."""
    w13 = w31.roll(w2.shape[2], dims=1)  # gates first
    return routed_experts.reference(x, ids, shares, w13, w2, "silu")


OPERATION: Final = routed_operation(
    "flashinfer_fused_moe",
    ENGINE,
    make_inputs,
    run,
    reference,
    (
        "import flashinfer.fused_moe",
        "from moeprof.scenarios.engines.flashinfer import fused_moe",
        "from moeprof.scenarios.ops.layer.routed_experts import plain_inputs",
    ),
)
