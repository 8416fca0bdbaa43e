"""The adapter of transformers against stand-ins with what 5.0.0 and 5.24.0 read of a module."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch

from moeprof.scenarios.engines.transformers_grouped_mm import ENGINE, OPERATION
from moeprof.tests.scenarios.engines.stand_ins import (
    LAYER,
    assert_computes,
    install,
    through_experts,
)


def _default_apply_gate(self: Any, gate_up_out: torch.Tensor) -> torch.Tensor:
    """transformers/integrations/moe.py, alike in both versions."""
    gate, up = gate_up_out.chunk(2, dim=-1)
    return self.act_fn(gate) * up  # type: ignore[no-any-return]


def forward_5_0(
    self: Any, hidden_states: torch.Tensor, top_k_index: torch.Tensor, top_k_weights: torch.Tensor
) -> torch.Tensor:
    """grouped_mm_experts_forward of 5.0.0."""
    assert not self.has_bias
    assert not self.is_transposed
    assert top_k_weights.shape == top_k_index.shape
    assert top_k_index.dtype == torch.int64

    def expert(rows: torch.Tensor, own: int) -> torch.Tensor:
        inner = self._apply_gate(rows @ self.gate_up_proj[own].T)
        return inner @ self.down_proj[own].T  # type: ignore[no-any-return]

    return through_experts(hidden_states, top_k_index, top_k_weights, expert)


def forward_5_24(
    self: Any, hidden_states: torch.Tensor, top_k_index: torch.Tensor, top_k_weights: torch.Tensor
) -> torch.Tensor:
    """grouped_mm_experts_forward of 5.24.0, which reads more of its module."""
    assert self.num_experts == len(self.gate_up_proj)
    assert self.has_gate
    assert not self.has_post_expert_norm
    assert not self._is_expert_parallel
    return forward_5_0(self, hidden_states, top_k_index, top_k_weights)


@pytest.mark.parametrize("forward", [forward_5_0, forward_5_24])
@pytest.mark.parametrize("activation", ["silu", "gelu"])
def test_transformers_compute_the_routed_experts(
    monkeypatch: pytest.MonkeyPatch, forward: Callable[..., torch.Tensor], activation: str
) -> None:
    install(
        monkeypatch,
        "transformers.integrations.moe",
        grouped_mm_experts_forward=forward,
        _default_apply_gate=_default_apply_gate,
    )
    assert_computes(OPERATION, replace(LAYER, activation=activation))


def test_the_transformers_that_are_here_compute_the_routed_experts() -> None:
    if ENGINE.absence() is not None:
        pytest.skip("transformers is not installed in a known version")
    assert_computes(OPERATION)
