"""sglang_fused_experts_packed: the same on weights of 4 or 8 bits, by SGLang's kernels for them.

fused_experts as in sglang_fused_experts, with use_int4_w4a16 or use_int8_w8a16, w1_scale, w2_scale
and block_shape [0, group size] (read: 0.5.5 and 0.5.23). Weights and scales are those of wna16.py.
"""

from collections.abc import Callable
from typing import Any, Final

import torch

from ...kernels.formats.names import SYMMETRIC
from ..operation import InputFactory
from ..ops.layer import routed_experts
from .engine import Engine, routed_operation
from .sglang import fused_experts, picks, runner_config, started
from .wna16 import packed_inputs, unpacked

ENGINE: Final = Engine(
    package="sglang",
    first="0.5.5",
    last="0.5.23",
    activations=("silu", "gelu"),
    formats=SYMMETRIC,
)


def make_inputs(
    take: InputFactory,
    tokens: int,
    hidden: int,
    ffn: int,
    experts: int,
    top_k: int,
    group_size: int,
    weight_bits: int,
    activation: str,
    routing: str,
) -> tuple[Any, ...]:
    """SGLang's function, activations, picks, weights, their scales, and both forms."""
    x, ids, shares, w13, w2, scales13, scales2 = packed_inputs(
        take, tokens, hidden, ffn, experts, top_k, group_size, weight_bits, routing
    )
    started(x.device)
    form = runner_config(len(w13), activation)
    packing = {
        "use_int4_w4a16" if weight_bits == 4 else "use_int8_w8a16": True,
        "block_shape": [0, group_size],
    }
    return fused_experts(), x, picks(shares, ids), w13, w2, scales13, scales2, form, packing


def run(
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
    """Take each token through its experts: [tokens, hidden]."""
    return kernel(
        hidden_states=x,
        w1=w13,
        w2=w2,
        topk_output=picked,
        moe_runner_config=form,
        w1_scale=scales13,
        w2_scale=scales2,
        **packing,
    )


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
    """The same on unpacked weights, token by token and expert by expert."""
    up = unpacked(w13, scales13, x.shape[1])
    down = unpacked(w2, scales2, up.shape[1] // 2)
    ids, shares = picked.topk_ids, picked.topk_weights
    return routed_experts.reference(x, ids, shares, up, down, form.activation)


OPERATION: Final = routed_operation(
    "sglang_fused_experts_packed",
    ENGINE,
    make_inputs,
    run,
    reference,
    (
        "import sglang.srt.layers.moe.fused_moe_triton",
        "from moeprof.scenarios.engines.sglang import fused_experts, picks, runner_config, started",
        "from moeprof.scenarios.engines.wna16 import packed_inputs",
    ),
)
