"""vLLM's adapter for fp8 weights against stand-ins with the signatures of 0.11.2 and 0.33.0."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
import torch

from moeprof.scenarios.engines.vllm_fp8 import OPERATION
from moeprof.scenarios.ops.layer import routed_experts
from moeprof.store.errors import BadInput
from moeprof.tests.scenarios.engines.fp8_kernel import product
from moeprof.tests.scenarios.engines.stand_ins import (
    IN_BLOCKS,
    LAYER,
    assert_computes,
    gated,
    install,
    through_experts,
)

PACKAGE = "vllm.model_executor.layers.fused_moe"


@dataclass
class QuantConfig:
    """What the kernels read of FusedMoEQuantConfig (config.py)."""

    w1_scale: torch.Tensor
    w2_scale: torch.Tensor
    block_shape: list[int] | None


def fp8_0_11(
    w1_scale: torch.Tensor,
    w2_scale: torch.Tensor,
    a1_scale: torch.Tensor | None = None,
    a2_scale: torch.Tensor | None = None,
    per_act_token_quant: bool = False,
    per_out_ch_quant: bool = False,
    block_shape: list[int] | None = None,
    a1_gscale: torch.Tensor | None = None,
    a2_gscale: torch.Tensor | None = None,
    g1_alphas: torch.Tensor | None = None,
    g2_alphas: torch.Tensor | None = None,
) -> QuantConfig:
    """fp8_w8a8_moe_quant_config of 0.11.2, with what _quant_flags_to_group_shape asserts."""
    assert not per_act_token_quant
    assert not per_out_ch_quant
    assert a1_scale is a2_scale is None
    return QuantConfig(w1_scale, w2_scale, block_shape)


def fp8_0_33(
    w1_scale: torch.Tensor,
    w2_scale: torch.Tensor,
    a1_scale: torch.Tensor | None = None,
    a2_scale: torch.Tensor | None = None,
    w1_bias: torch.Tensor | None = None,
    w2_bias: torch.Tensor | None = None,
    per_act_token_quant: bool = False,
    per_out_ch_quant: bool = False,
    block_shape: list[int] | None = None,
    a1_gscale: torch.Tensor | None = None,
    a2_gscale: torch.Tensor | None = None,
    g1_alphas: torch.Tensor | None = None,
    g2_alphas: torch.Tensor | None = None,
    is_scale_transposed: bool = False,
    gemm1_alpha: float | None = None,
    gemm1_beta: float | None = None,
    gemm1_clamp_limit: float | None = None,
) -> QuantConfig:
    """fp8_w8a8_moe_quant_config of 0.33.0."""
    assert w1_bias is w2_bias is None
    assert not is_scale_transposed
    return fp8_0_11(
        w1_scale, w2_scale, a1_scale, a2_scale, per_act_token_quant, per_out_ch_quant, block_shape
    )


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
    """The parameters that both versions have."""
    form: QuantConfig = quant_config

    def expert(rows: torch.Tensor, own: int) -> torch.Tensor:
        inner = product(rows, w1[own], form.w1_scale[own], form.block_shape)
        return product(gated(inner, activation), w2[own], form.w2_scale[own], form.block_shape)

    return through_experts(hidden_states, topk_ids, topk_weights, expert)


@pytest.mark.parametrize("config", [fp8_0_11, fp8_0_33])
@pytest.mark.parametrize("activation", ["silu", "gelu"])
def test_vllm_computes_the_routed_experts_on_fp8_weights(
    monkeypatch: pytest.MonkeyPatch, config: Callable[..., QuantConfig], activation: str
) -> None:
    install(monkeypatch, f"{PACKAGE}.fused_moe", fused_experts=fused_experts)
    install(monkeypatch, f"{PACKAGE}.config", fp8_w8a8_moe_quant_config=config)
    assert_computes(OPERATION, replace(IN_BLOCKS, activation=activation))


def test_the_scenario_is_that_of_our_routed_experts_on_such_weights() -> None:
    own = routed_experts.PACKED.scenario(IN_BLOCKS, 5, "bfloat16", "cold")
    theirs = OPERATION.scenario(IN_BLOCKS, 5, "bfloat16", "cold")
    assert theirs == replace(own, op="vllm_fused_experts_fp8")
    assert "-w8-g128-" in theirs.key
    assert "-fp8_block.silu." in theirs.key


def test_weights_of_another_format_are_refused_by_name() -> None:
    with pytest.raises(BadInput, match="vllm computes weights of fp8_block here, not int4"):
        OPERATION.scenario(LAYER, 3, "bfloat16", "cold")
