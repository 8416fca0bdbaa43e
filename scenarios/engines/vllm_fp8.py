"""vllm_fused_experts_fp8: the same on fp8 weights with scales by blocks of 128 by 128.

fused_experts as in vllm_fused_experts, with the quant_config that fp8_w8a8_moe_quant_config of
vllm/model_executor/layers/fused_moe/config.py makes of both scales and block_shape [128, 128]
(read: 0.11.2 and 0.33.0). Without scales of activations these are quantised in the call. Weights
and scales are those of fp8_blocks.py. DeepGEMM, which vLLM prefers where it is installed, is not
asked for.
"""

from collections.abc import Callable
from typing import Any, Final

import torch

from ..operation import InputFactory
from ..ops.layer import routed_experts
from .engine import Engine, routed_operation
from .fp8_blocks import FROM_SM_89, SIDE, dequantised, fp8_inputs
from .vllm import activation_of, fused_experts
from .vllm_packed import run

ENGINE: Final = Engine(
    package="vllm",
    first="0.11.2",
    last="0.33.0",
    activations=("silu", "gelu"),
    formats=("fp8_block",),
    capabilities=FROM_SM_89,
)


def quant_config(w1_scale: torch.Tensor, w2_scale: torch.Tensor) -> Any:
    """vLLM's description of fp8 weights by blocks."""
    from vllm.model_executor.layers.fused_moe import config

    return config.fp8_w8a8_moe_quant_config(
        w1_scale=w1_scale, w2_scale=w2_scale, block_shape=[SIDE, SIDE]
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
    """vLLM's function, activations, the experts of each token, shares, weights, and both forms."""
    x, ids, shares, w13, w2, scales13, scales2 = fp8_inputs(
        take, tokens, hidden, ffn, experts, top_k, routing
    )
    form = quant_config(scales13, scales2)
    kernel = fused_experts()
    return kernel, x, ids, shares, w13, w2, form, activation_of(kernel, activation)


def reference(
    kernel: Callable[..., torch.Tensor],
    x: torch.Tensor,
    ids: torch.Tensor,
    shares: torch.Tensor,
    w13: torch.Tensor,
    w2: torch.Tensor,
    form: Any,
    activation: Any,
) -> torch.Tensor:
    """The same on dequantised weights, token by token and expert by expert."""
    up = dequantised(w13, form.w1_scale, x.dtype)
    down = dequantised(w2, form.w2_scale, x.dtype)
    word = getattr(activation, "value", activation)
    return routed_experts.reference(x, ids, shares, up, down, word)


OPERATION: Final = routed_operation(
    "vllm_fused_experts_fp8",
    ENGINE,
    make_inputs,
    run,
    reference,
    (
        "import vllm.model_executor.layers.fused_moe.fused_moe",
        "from moeprof.scenarios.engines.vllm import activation_of, fused_experts",
        "from moeprof.scenarios.engines.vllm_fp8 import quant_config",
        "from moeprof.scenarios.engines.fp8_blocks import fp8_inputs",
    ),
)
