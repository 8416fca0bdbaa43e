"""Gated experts: known values of each activation, and rows that meet their expert's weights."""

import pytest
import torch

from moeprof.kernels.gated import ACT_MUL_FLOPS, act_mul, gated_expert, gated_experts
from moeprof.scenarios.preset import ACTIVATIONS


def test_every_activation_of_a_preset_has_its_arithmetic() -> None:
    assert tuple(ACT_MUL_FLOPS) == ACTIVATIONS


@pytest.mark.parametrize(
    ("activation", "gate", "up", "result"),
    [
        ("silu", 1.0, 3.0, 2.1931757),  # 3 / (1 + 1/e)
        ("gelu", 1.0, 3.0, 2.5240341),  # 3 * 0.8413447, the normal distribution's value at 1
        ("clipped", 1.0, 3.0, 3.3831831),  # 4 / (1 + e^-1.702)
        ("clipped", 100.0, 100.0, 55.9996250),  # both are limited to 7: 56 / (1 + e^-11.914)
        ("clipped", -100.0, -100.0, 0.0),  # up is limited to -7, the gate is not
    ],
)
def test_known_values(activation: str, gate: float, up: float, result: float) -> None:
    found = act_mul(torch.tensor([[gate, up]], dtype=torch.float64), activation)
    assert found.tolist() == [[pytest.approx(result, abs=1e-5)]]


def test_the_halves_lie_side_by_side_but_those_of_gpt_oss_in_turns() -> None:
    x = torch.tensor([[9.0, 8.0, 0.0, 1.0]])
    assert act_mul(x, "silu")[0, 0] == 0
    assert act_mul(x, "clipped")[0, 1] == 0


@pytest.mark.parametrize("loads", [[3, 1, 2], [6, 0, 0], [0, 0, 6]])
def test_each_row_goes_through_its_own_expert(loads: list[int]) -> None:
    generator = torch.Generator().manual_seed(0)
    w13 = torch.randn(3, 16, 8, generator=generator)
    w2 = torch.randn(3, 8, 8, generator=generator)
    x = torch.randn(6, 8, generator=generator)
    ends = torch.tensor(loads).cumsum(0, dtype=torch.int32)
    of_each = zip(torch.split(x, loads), w13, w2, strict=True)
    parts = [gated_expert(rows, up, down, "silu") for rows, up, down in of_each]
    torch.testing.assert_close(gated_experts(x, ends, w13, w2, "silu"), torch.cat(parts))
