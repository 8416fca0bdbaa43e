"""vllm_fused_experts_packed: the same on weights of 4 or 8 bits, by vLLM's kernels for them.

fused_experts as in vllm_fused_experts, with the quant_config that int4_w4a16_moe_quant_config or
int8_w8a16_moe_quant_config of vllm/model_executor/layers/fused_moe/config.py makes (read: 0.11.2
and 0.33.0). w1_zp and w2_zp are given as None, because 0.11.2 has no default for them. block_shape
is [0, group size]. Weights and scales are those of wna16.py. vLLM serves such models by its Marlin
kernels too, on a layout of their own: these are not measured here.
"""

from collections.abc import Callable
from typing import Any, Final

import torch

from ...kernels.formats.names import SYMMETRIC
from ..operation import InputFactory
from ..ops.layer import routed_experts
from .engine import Engine, routed_operation
from .vllm import activation_of, fused_experts
from .wna16 import packed_inputs, unpacked

ENGINE: Final = Engine(
    package="vllm",
    first="0.11.2",
    last="0.33.0",
    activations=("silu", "gelu"),
    formats=SYMMETRIC,
)


def quant_config(w1_scale: torch.Tensor, w2_scale: torch.Tensor, bits: int, group: int) -> Any:
    """vLLM's description of packed weights."""
    from vllm.model_executor.layers.fused_moe import config

    make = config.int4_w4a16_moe_quant_config if bits == 4 else config.int8_w8a16_moe_quant_config
    return make(
        w1_scale=w1_scale, w2_scale=w2_scale, w1_zp=None, w2_zp=None, block_shape=[0, group]
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
    """vLLM's function, activations, the experts of each token, shares, weights, and both forms."""
    x, ids, shares, w13, w2, scales13, scales2 = packed_inputs(
        take, tokens, hidden, ffn, experts, top_k, group_size, weight_bits, routing
    )
    form = quant_config(scales13, scales2, weight_bits, group_size)
    kernel = fused_experts()
    return kernel, x, ids, shares, w13, w2, form, activation_of(kernel, activation)


def run(
    kernel: Callable[..., torch.Tensor],
    x: torch.Tensor,
    ids: torch.Tensor,
    shares: torch.Tensor,
    w13: torch.Tensor,
    w2: torch.Tensor,
    form: Any,
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
        quant_config=form,
    )


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
    """The same on unpacked weights, token by token and expert by expert."""
    up = unpacked(w13, form.w1_scale.to(x.dtype), x.shape[1])
    down = unpacked(w2, form.w2_scale.to(x.dtype), up.shape[1] // 2)
    word = getattr(activation, "value", activation)
    return routed_experts.reference(x, ids, shares, up, down, word)


OPERATION: Final = routed_operation(
    "vllm_fused_experts_packed",
    ENGINE,
    make_inputs,
    run,
    reference,
    (
        "import vllm.model_executor.layers.fused_moe.fused_moe",
        "from moeprof.scenarios.engines.vllm import activation_of, fused_experts",
        "from moeprof.scenarios.engines.vllm_packed import quant_config",
        "from moeprof.scenarios.engines.wna16 import packed_inputs",
    ),
)
