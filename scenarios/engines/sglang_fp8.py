"""sglang_fused_experts_fp8: the same on fp8 weights with scales by blocks of 128 by 128.

fused_experts as in sglang_fused_experts, with use_fp8_w8a8, w1_scale, w2_scale and block_shape
[128, 128] (read: 0.5.5 and 0.5.23). Without scales of activations these are quantised in the call.
Weights and scales are those of fp8_blocks.py.
"""

from collections.abc import Callable
from typing import Any, Final

import torch

from ..operation import InputFactory
from ..ops.layer import routed_experts
from .engine import Engine, routed_operation
from .fp8_blocks import FROM_SM_89, dequantised, fp8_inputs
from .sglang import fused_experts, picks, runner_config, started
from .sglang_packed import run

ENGINE: Final = Engine(
    package="sglang",
    first="0.5.5",
    last="0.5.23",
    activations=("silu", "gelu"),
    formats=("fp8_block",),
    capabilities=FROM_SM_89,
)


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
    """SGLang's function, activations, picks, weights, their scales, and both forms."""
    x, ids, shares, w13, w2, scales13, scales2 = fp8_inputs(
        take, tokens, hidden, ffn, experts, top_k, routing
    )
    started(x.device)
    form = runner_config(len(w13), activation)
    packing = {"use_fp8_w8a8": True, "block_shape": [128, 128]}
    return fused_experts(), x, picks(shares, ids), w13, w2, scales13, scales2, form, packing


def reference(
    kernel: Callable[..., torch.Tensor],
    x: torch.Tensor,
    picked: Any,
    w13: torch.Tensor,
    w2: torch.Tensor,
    scales13: torch.Tensor,
    scales2: torch.Tensor,
    form: Any,
    packing: dict[str, Any],
) -> torch.Tensor:
    """The same on dequantised weights, token by token and expert by expert."""
    up, down = dequantised(w13, scales13, x.dtype), dequantised(w2, scales2, x.dtype)
    ids, shares = picked.topk_ids, picked.topk_weights
    return routed_experts.reference(x, ids, shares, up, down, form.activation)


OPERATION: Final = routed_operation(
    "sglang_fused_experts_fp8",
    ENGINE,
    make_inputs,
    run,
    reference,
    (
        "import sglang.srt.layers.moe.fused_moe_triton",
        "from moeprof.scenarios.engines.sglang import fused_experts, picks, runner_config, started",
        "from moeprof.scenarios.engines.fp8_blocks import fp8_inputs",
    ),
)
