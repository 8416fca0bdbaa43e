"""SGLang's stand-in: what an adapter imports, of 0.5.5 or 0.5.23."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import pytest
import torch

from moeprof.tests.scenarios.engines import fp8_kernel
from moeprof.tests.scenarios.engines.stand_ins import gated, install, through_experts
from moeprof.tests.scenarios.engines.wna16_kernel import product


class StandardTopKOutput(NamedTuple):
    """layers/moe/topk.py, alike in both versions."""

    topk_weights: torch.Tensor
    topk_ids: torch.Tensor
    router_logits: torch.Tensor


@dataclass
class MoeRunnerConfigOf5:
    """layers/moe/moe_runner/base.py of 0.5.5."""

    num_experts: int | None = None
    num_local_experts: int | None = None
    hidden_size: int | None = None
    intermediate_size_per_partition: int | None = None
    layer_id: int | None = None
    top_k: int | None = None
    num_fused_shared_experts: int | None = None
    params_dtype: torch.dtype | None = None
    activation: str = "silu"
    apply_router_weight_on_input: bool = False
    inplace: bool = True
    no_combine: bool = False
    routed_scaling_factor: float | None = None
    gemm1_alpha: float | None = None
    gemm1_clamp_limit: float | None = None


@dataclass
class MoeRunnerConfigOf23(MoeRunnerConfigOf5):
    """layers/moe/moe_runner/base.py of 0.5.23, which has more; that with an effect here."""

    is_gated: bool = True
    swiglu_limit: float | None = None
    gate_up_interleaved: bool = True


def fused_experts_0_5_5(
    hidden_states: torch.Tensor,
    w1: torch.Tensor,
    w2: torch.Tensor,
    topk_output: StandardTopKOutput,
    moe_runner_config: Any,
    b1: torch.Tensor | None = None,
    b2: torch.Tensor | None = None,
    use_fp8_w8a8: bool = False,
    use_int8_w8a8: bool = False,
    use_int8_w8a16: bool = False,
    use_int4_w4a16: bool = False,
    per_channel_quant: bool = False,
    w1_scale: torch.Tensor | None = None,
    w2_scale: torch.Tensor | None = None,
    w1_zp: torch.Tensor | None = None,
    w2_zp: torch.Tensor | None = None,
    a1_scale: torch.Tensor | None = None,
    a2_scale: torch.Tensor | None = None,
    block_shape: list[int] | None = None,
) -> torch.Tensor:
    """layers/moe/fused_moe_triton/fused_moe.py of 0.5.5, with the checks of its implementation."""
    weights, ids, _ = topk_output
    form = moe_runner_config
    assert not form.inplace
    assert form.num_experts == form.num_local_experts == len(w1)
    assert (weights.dtype, ids.dtype) == (torch.float32, torch.int32)
    assert w1.is_contiguous()
    assert w2.is_contiguous()
    assert sum((use_fp8_w8a8, use_int8_w8a8, use_int8_w8a16, use_int4_w4a16)) <= 1
    assert form.gemm1_alpha in (None, 1.702)
    activation = form.activation if form.gemm1_alpha is None else "swigluoai"

    def multiplied(
        rows: torch.Tensor, weight: torch.Tensor, scales: torch.Tensor | None, own: int
    ) -> torch.Tensor:
        if scales is None:
            return rows @ weight[own].T
        if use_fp8_w8a8:
            return fp8_kernel.product(rows, weight[own], scales[own], block_shape)
        bits = 4 if use_int4_w4a16 else 8
        return product(rows, weight[own], scales[own], bits, block_shape)

    def expert(rows: torch.Tensor, own: int) -> torch.Tensor:
        inner = gated(multiplied(rows, w1, w1_scale, own), activation)
        return multiplied(inner, w2, w2_scale, own)

    return through_experts(hidden_states, ids, weights, expert)


def fused_experts_0_5_23(
    hidden_states: torch.Tensor,
    w1: torch.Tensor,
    w2: torch.Tensor,
    topk_output: StandardTopKOutput,
    moe_runner_config: Any,
    b1: torch.Tensor | None = None,
    b2: torch.Tensor | None = None,
    use_fp8_w8a8: bool = False,
    use_int8_w8a8: bool = False,
    use_int8_w8a16: bool = False,
    use_int4_w4a16: bool = False,
    per_channel_quant: bool = False,
    w1_scale: torch.Tensor | None = None,
    w2_scale: torch.Tensor | None = None,
    w1_zp: torch.Tensor | None = None,
    w2_zp: torch.Tensor | None = None,
    a1_scale: torch.Tensor | None = None,
    a2_scale: torch.Tensor | None = None,
    block_shape: list[int] | None = None,
    a1_q: torch.Tensor | None = None,
    fuse_swiglu_interleaved: bool = False,
) -> torch.Tensor:
    """layers/moe/moe_runner/triton_utils/fused_moe.py of 0.5.23."""
    assert moe_runner_config.is_gated
    assert moe_runner_config.gate_up_interleaved
    return fused_experts_0_5_5(
        hidden_states, w1, w2, topk_output, moe_runner_config, b1, b2, use_fp8_w8a8,
        use_int8_w8a8, use_int8_w8a16, use_int4_w4a16, per_channel_quant, w1_scale, w2_scale,
        w1_zp, w2_zp, a1_scale, a2_scale, block_shape,
    )  # fmt: skip


VERSIONS: dict[str, tuple[Callable[..., torch.Tensor], type]] = {
    "0.5.5": (fused_experts_0_5_5, MoeRunnerConfigOf5),
    "0.5.23": (fused_experts_0_5_23, MoeRunnerConfigOf23),
}


def install_sglang(monkeypatch: pytest.MonkeyPatch, version: str) -> list[dict[str, Any]]:
    """Make the package; give what it was told to begin a process with."""
    kernel, config = VERSIONS[version]
    told: list[dict[str, Any]] = []
    moe = "sglang.srt.layers.moe"
    install(monkeypatch, f"{moe}.fused_moe_triton", fused_experts=kernel)
    install(monkeypatch, f"{moe}.moe_runner", MoeRunnerConfig=config)
    install(monkeypatch, f"{moe}.topk", StandardTopKOutput=StandardTopKOutput)
    install(
        monkeypatch,
        "sglang.srt.server_args",
        ServerArgs=lambda model_path: {"model_path": model_path},
        set_global_server_args_for_scheduler=told.append,
    )
    install(
        monkeypatch,
        "sglang.srt.distributed.parallel_state",
        init_distributed_environment=lambda **given: told.append(given),
        initialize_model_parallel=lambda: told.append({}),
    )
    return told
