"""vLLM's adapter against stand-ins with the signatures of 0.11.2 and 0.33.0."""

from collections.abc import Callable
from dataclasses import replace
from enum import Enum
from functools import wraps
from typing import Any

import pytest
import torch

from moeprof.scenarios.engines.vllm import OPERATION, activation_of, fused_experts
from moeprof.tests.scenarios.engines.stand_ins import (
    LAYER,
    assert_computes,
    gated,
    install,
    through_experts,
)

MODULE = "vllm.model_executor.layers.fused_moe.fused_moe"


class MoEActivation(Enum):
    """vllm/model_executor/layers/fused_moe/activation.py of 0.33.0."""

    SILU = "silu"
    GELU = "gelu"
    SWIGLUOAI = "swigluoai"


def computed(
    x: torch.Tensor,
    w1: torch.Tensor,
    w2: torch.Tensor,
    weights: torch.Tensor,
    ids: torch.Tensor,
    activation: str,
) -> torch.Tensor:
    """fused_experts_impl of both versions, with its assertions."""
    assert x.size(1) == w1.size(2)
    assert weights.size() == ids.size()
    assert x.is_contiguous()
    assert w1.stride(-1) == w2.stride(-1) == 1
    assert (weights.dtype, ids.dtype) == (torch.float32, torch.int32)
    return through_experts(
        x, ids, weights, lambda rows, own: gated(rows @ w1[own].T, activation) @ w2[own].T
    )


def fused_experts_0_11(
    hidden_states: torch.Tensor,
    w1: torch.Tensor,
    w2: torch.Tensor,
    topk_weights: torch.Tensor,
    topk_ids: torch.Tensor,
    inplace: bool = False,
    activation: str = "silu",
    apply_router_weight_on_input: bool = False,
    global_num_experts: int = -1,
    expert_map: torch.Tensor | None = None,
    quant_config: Any = None,
    allow_deep_gemm: bool = False,
    allow_cutlass_block_scaled_grouped_gemm: bool = False,
) -> torch.Tensor:
    """vllm/model_executor/layers/fused_moe/fused_moe.py of 0.11.2."""
    assert not inplace
    assert quant_config is None
    return computed(hidden_states, w1, w2, topk_weights, topk_ids, activation)


def fused_experts_0_33(
    hidden_states: torch.Tensor,
    w1: torch.Tensor,
    w2: torch.Tensor,
    topk_weights: torch.Tensor,
    topk_ids: torch.Tensor,
    activation: MoEActivation = MoEActivation.SILU,
    apply_router_weight_on_input: bool = False,
    global_num_experts: int = -1,
    expert_map: torch.Tensor | None = None,
    quant_config: Any = None,
) -> torch.Tensor:
    """vllm/model_executor/layers/fused_moe/fused_moe.py of 0.33.0."""
    assert quant_config is None
    return computed(hidden_states, w1, w2, topk_weights, topk_ids, activation.value)


each_version = pytest.mark.parametrize("kernel", [fused_experts_0_11, fused_experts_0_33])


@pytest.mark.parametrize("activation", ["silu", "gelu", "clipped"])
@each_version
def test_vllm_computes_the_routed_experts(
    monkeypatch: pytest.MonkeyPatch, kernel: Callable[..., torch.Tensor], activation: str
) -> None:
    install(monkeypatch, MODULE, fused_experts=kernel)
    assert_computes(OPERATION, replace(LAYER, activation=activation))


def test_a_kernel_that_wants_the_ups_first_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    @wraps(fused_experts_0_33)
    def swapped(**arguments: Any) -> torch.Tensor:
        ups_first = arguments["w1"].roll(arguments["w1"].shape[1] // 2, dims=1)
        return fused_experts_0_33(**arguments | {"w1": ups_first})

    install(monkeypatch, MODULE, fused_experts=swapped)
    with pytest.raises(AssertionError, match="not close"):
        assert_computes(OPERATION)


@each_version
def test_the_activation_is_of_the_kind_that_the_version_takes(
    monkeypatch: pytest.MonkeyPatch, kernel: Callable[..., torch.Tensor]
) -> None:
    install(monkeypatch, MODULE, fused_experts=kernel)
    assert fused_experts() is kernel
    expected = MoEActivation.SWIGLUOAI if kernel is fused_experts_0_33 else "swigluoai"
    assert activation_of(kernel, "clipped") == expected
