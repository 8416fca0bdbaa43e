"""FlashInfer's adapter against stand-ins with the signatures of 0.5.3 and 0.7.4."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from moeprof.scenarios.engines.flashinfer import OPERATION
from moeprof.tests.scenarios.engines.stand_ins import (
    assert_computes,
    gated,
    install,
    through_experts,
)


def computed(
    x: torch.Tensor,
    ids: torch.Tensor,
    scales: torch.Tensor,
    fc1: torch.Tensor,
    fc2: torch.Tensor,
) -> list[torch.Tensor]:
    """compute_with_experts of tests/moe/test_trtllm_cutlass_fused_moe.py, ups first.

    The types are those that flashinfer_cutlass_fused_moe_sm100_binding.cu of 0.5.3 checks.
    """
    assert (ids.dtype, scales.dtype) == (torch.int32, torch.float32)

    def expert(rows: torch.Tensor, own: int) -> torch.Tensor:
        w3, w1 = torch.chunk(fc1[own], 2, dim=0)
        return gated(torch.cat([rows @ w1.T, rows @ w3.T], dim=1), "silu") @ fc2[own].T

    return [through_experts(x, ids, scales, expert)]


def cutlass_fused_moe_0_5_3(
    input: torch.Tensor,
    token_selected_experts: torch.Tensor,
    token_final_scales: torch.Tensor,
    fc1_expert_weights: torch.Tensor,
    fc2_expert_weights: torch.Tensor,
    output_dtype: torch.dtype,
    quant_scales: list[torch.Tensor] | None,
    fc1_expert_biases: torch.Tensor | None = None,
    fc2_expert_biases: torch.Tensor | None = None,
    input_sf: torch.Tensor | None = None,
    swiglu_alpha: torch.Tensor | None = None,
    swiglu_beta: torch.Tensor | None = None,
    swiglu_limit: torch.Tensor | None = None,
    tp_size: int = 1,
    tp_rank: int = 0,
    ep_size: int = 1,
    ep_rank: int = 0,
    cluster_size: int = 1,
    cluster_rank: int = 0,
    output: torch.Tensor | None = None,
    enable_alltoall: bool = False,
    use_deepseek_fp8_block_scale: bool = False,
    use_w4_group_scaling: bool = False,
    use_mxfp8_act_scaling: bool = False,
    min_latency_mode: bool = False,
    tune_max_num_tokens: int = 8192,
    enable_pdl: bool | None = None,
    activation_type: Any = 3,
) -> list[torch.Tensor]:
    """flashinfer/fused_moe/core.py of 0.5.3; ActivationType.Swiglu is 3."""
    assert output_dtype == input.dtype
    assert quant_scales is None
    return computed(
        input, token_selected_experts, token_final_scales, fc1_expert_weights, fc2_expert_weights
    )


def cutlass_fused_moe_0_7_4(
    input: torch.Tensor,
    token_selected_experts: torch.Tensor,
    token_final_scales: torch.Tensor,
    fc1_expert_weights: torch.Tensor,
    fc2_expert_weights: torch.Tensor,
    output_dtype: torch.dtype,
    quant_scales: list[torch.Tensor] | None,
    fc1_expert_biases: torch.Tensor | None = None,
    fc2_expert_biases: torch.Tensor | None = None,
    input_sf: torch.Tensor | None = None,
    swiglu_alpha: torch.Tensor | None = None,
    swiglu_beta: torch.Tensor | None = None,
    swiglu_limit: torch.Tensor | None = None,
    tp_size: int = 1,
    tp_rank: int = 0,
    ep_size: int = 1,
    ep_rank: int = 0,
    cluster_size: int = 1,
    cluster_rank: int = 0,
    output: torch.Tensor | None = None,
    enable_alltoall: bool = False,
    use_deepseek_fp8_block_scale: bool = False,
    use_w4_group_scaling: bool = False,
    use_mxfp8_act_scaling: bool = False,
    min_latency_mode: bool = False,
    use_packed_weights: bool = False,
    use_wfp4afp8_humming: bool = False,
    tune_max_num_tokens: int = 8192,
    enable_pdl: bool | None = None,
    activation_type: Any = 3,
    swizzled_input_sf: bool = True,
    use_fused_finalize: bool | None = None,
    profile_ids: list[int] | None = None,
    workspace_buffer: torch.Tensor | None = None,
    *,
    clamped_relu2_limit: torch.Tensor | None = None,
    situ_beta: torch.Tensor | None = None,
    situ_linear_beta: torch.Tensor | None = None,
    backend: str = "cutlass",
    nvfp4_4over6: Any = None,
) -> list[torch.Tensor]:
    """flashinfer/fused_moe/core.py of 0.7.4."""
    assert output_dtype == input.dtype
    assert quant_scales is None
    return computed(
        input, token_selected_experts, token_final_scales, fc1_expert_weights, fc2_expert_weights
    )


@pytest.mark.parametrize("kernel", [cutlass_fused_moe_0_5_3, cutlass_fused_moe_0_7_4])
def test_flashinfer_computes_the_routed_experts(
    monkeypatch: pytest.MonkeyPatch, kernel: Callable[..., list[torch.Tensor]]
) -> None:
    install(monkeypatch, "flashinfer.fused_moe", cutlass_fused_moe=kernel)
    assert_computes(OPERATION)
