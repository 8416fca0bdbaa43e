"""vLLM's adapter for packed weights against stand-ins with the signatures of 0.11.2 and 0.33.0."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import wraps
from typing import Any

import pytest
import torch

from moeprof.scenarios.engines.vllm_packed import OPERATION
from moeprof.tests.scenarios.engines.stand_ins import (
    LAYER,
    assert_computes,
    gated,
    install,
    through_experts,
)
from moeprof.tests.scenarios.engines.wna16_kernel import product

PACKAGE = "vllm.model_executor.layers.fused_moe"


@dataclass
class QuantConfig:
    """What the kernels read of FusedMoEQuantConfig (config.py)."""

    bits: int
    w1_scale: torch.Tensor
    w2_scale: torch.Tensor
    block_shape: list[int] | None


def int4_0_11(
    w1_scale: torch.Tensor,
    w2_scale: torch.Tensor,
    w1_zp: torch.Tensor | None,
    w2_zp: torch.Tensor | None,
    block_shape: list[int] | None = None,
) -> QuantConfig:
    """int4_w4a16_moe_quant_config of 0.11.2."""
    assert w1_zp is w2_zp is None
    return QuantConfig(4, w1_scale, w2_scale, block_shape)


def int8_0_11(
    w1_scale: torch.Tensor,
    w2_scale: torch.Tensor,
    w1_zp: torch.Tensor | None,
    w2_zp: torch.Tensor | None,
    block_shape: list[int] | None = None,
) -> QuantConfig:
    """int8_w8a16_moe_quant_config of 0.11.2."""
    assert w1_zp is w2_zp is None
    return QuantConfig(8, w1_scale, w2_scale, block_shape)


def int4_0_33(
    w1_scale: torch.Tensor,
    w2_scale: torch.Tensor,
    w1_zp: torch.Tensor | None = None,
    w2_zp: torch.Tensor | None = None,
    w1_bias: torch.Tensor | None = None,
    w2_bias: torch.Tensor | None = None,
    block_shape: list[int] | None = None,
    a1_gscale: torch.Tensor | None = None,
    a2_gscale: torch.Tensor | None = None,
    gemm1_clamp_limit: float | None = None,
    gemm1_alpha: float | None = None,
    gemm1_beta: float | None = None,
) -> QuantConfig:
    """int4_w4a16_moe_quant_config of 0.33.0."""
    assert w1_zp is w2_zp is w1_bias is w2_bias is None
    return QuantConfig(4, w1_scale, w2_scale, block_shape)


def int8_0_33(
    w1_scale: torch.Tensor,
    w2_scale: torch.Tensor,
    w1_zp: torch.Tensor | None = None,
    w2_zp: torch.Tensor | None = None,
    w1_bias: torch.Tensor | None = None,
    w2_bias: torch.Tensor | None = None,
    block_shape: list[int] | None = None,
    a1_gscale: torch.Tensor | None = None,
    a2_gscale: torch.Tensor | None = None,
    gemm1_clamp_limit: float | None = None,
    gemm1_alpha: float | None = None,
    gemm1_beta: float | None = None,
) -> QuantConfig:
    """int8_w8a16_moe_quant_config of 0.33.0."""
    assert w1_zp is w2_zp is w1_bias is w2_bias is None
    return QuantConfig(8, w1_scale, w2_scale, block_shape)


def fused_experts(
    hidden_states: torch.Tensor,
    w1: torch.Tensor,
    w2: torch.Tensor,
    topk_weights: torch.Tensor,
    topk_ids: torch.Tensor,
    activation: str = "silu",
    apply_router_weight_on_input: bool = False,
    global_num_experts: int = -1,
    expert_map: torch.Tensor | None = None,
    quant_config: Any = None,
) -> torch.Tensor:
    """The parameters that both versions have; the checks are those of fused_experts_impl."""
    bits = quant_config.bits
    assert hidden_states.size(1) * bits // 8 == w1.size(2)

    def expert(rows: torch.Tensor, own: int) -> torch.Tensor:
        group = quant_config.block_shape
        inner = product(rows, w1[own], quant_config.w1_scale[own], bits, group)
        inner = gated(inner, activation)
        return product(inner, w2[own], quant_config.w2_scale[own], bits, group)

    return through_experts(hidden_states, topk_ids, topk_weights, expert)


@pytest.mark.parametrize("bits", [4, 8])
@pytest.mark.parametrize("activation", ["silu", "gelu"])
@pytest.mark.parametrize(("int4", "int8"), [(int4_0_11, int8_0_11), (int4_0_33, int8_0_33)])
def test_vllm_computes_the_routed_experts_on_packed_weights(
    monkeypatch: pytest.MonkeyPatch,
    int4: Callable[..., QuantConfig],
    int8: Callable[..., QuantConfig],
    activation: str,
    bits: int,
) -> None:
    install(monkeypatch, f"{PACKAGE}.fused_moe", fused_experts=fused_experts)
    install(
        monkeypatch,
        f"{PACKAGE}.config",
        int4_w4a16_moe_quant_config=int4,
        int8_w8a16_moe_quant_config=int8,
    )
    assert_computes(OPERATION, replace(LAYER, activation=activation, weight_bits=bits))


def test_a_kernel_that_reads_the_nibbles_the_other_way_round_is_noticed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    @wraps(fused_experts)
    def swapped(**arguments: Any) -> torch.Tensor:
        w1 = arguments["w1"]
        return fused_experts(**arguments | {"w1": w1 >> 4 | w1 << 4})

    install(monkeypatch, f"{PACKAGE}.config", int4_w4a16_moe_quant_config=int4_0_33)
    install(monkeypatch, f"{PACKAGE}.fused_moe", fused_experts=swapped)
    with pytest.raises(AssertionError, match="not close"):
        assert_computes(OPERATION)
