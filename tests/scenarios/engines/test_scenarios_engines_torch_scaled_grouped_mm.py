"""Products of fp8 by fp8 for real on the CPU, and by torch's own checks of what a GPU is given."""

from dataclasses import replace
from typing import Any

import pytest
import torch

from moeprof.kernels.dispatch import permute
from moeprof.scenarios.engines.torch_scaled_grouped_mm import (
    ENGINE,
    OPERATION,
    rounded,
    scaled_product,
)
from moeprof.store.errors import BadInput
from moeprof.tests.scenarios.engines.stand_ins import LAYER, TOKENS
from moeprof.tests.scenarios.made_inputs import inputs_of, tensors, widened

CHANNEL = replace(LAYER, hidden=48, ffn=80, weight_bits=8, weight_format="fp8_channel")
"""Widths that are multiples of 16, of which no two are equal."""


@pytest.mark.parametrize("weight_format", ["fp8_channel", "fp8_tensor"])
@pytest.mark.parametrize("activation", ["silu", "gelu", "clipped"])
def test_it_computes_the_routed_experts_but_for_the_rounding_of_activations(
    weight_format: str, activation: str
) -> None:
    preset = replace(CHANNEL, weight_format=weight_format, activation=activation)
    inputs = inputs_of(OPERATION, preset, TOKENS, torch.bfloat16)
    given: Any = OPERATION.run(*inputs)
    assert OPERATION.reference is not None
    exact: Any = OPERATION.reference(*widened(inputs))
    assert (given.dtype, given.shape) == (torch.bfloat16, exact.shape)
    error = (given.double() - exact).norm() / exact.norm()
    assert error < 0.06  # two roundings to 3 bits, each off by 2^-4 at most


def test_rows_are_rounded_with_a_scale_of_their_own() -> None:
    rows = torch.randn(5, 48, generator=torch.Generator().manual_seed(0)) * 10.0 ** torch.arange(
        -2, 3
    ).view(5, 1)
    rows[3] = 0
    codes, scales = rounded(rows.bfloat16())
    assert (codes.dtype, scales.dtype, scales.shape) == (
        torch.float8_e4m3fn, torch.float32, (5,),
    )  # fmt: skip
    back = codes.float() * scales[:, None]
    finest = scales[:, None] * 2.0**-10
    assert ((back - rows).abs() <= rows.abs() * (2.0**-4 + 2.0**-8) + finest).all()
    assert codes.float().abs().amax(1)[[0, 1, 2, 4]].tolist() == [448.0] * 4
    assert codes[3].float().abs().max() == 0


def product_of(preset: Any) -> tuple[torch.Tensor, ...]:
    """Sorted rows, W13, its scales, and the ends of experts."""
    x, ids, _, w13, _, scales13, *_ = inputs_of(OPERATION, preset, TOKENS, torch.bfloat16)
    rows, ends, _ = permute(x, ids, len(w13))
    return rows, w13, scales13, ends


def test_a_product_is_that_of_its_rounded_rows_in_float64() -> None:
    rows, weight, scales, ends = product_of(CHANNEL)
    codes, own = rounded(rows)
    expert = torch.bucketize(torch.arange(len(rows)), ends, right=True)
    wide = weight.double() * scales.double()[:, :, None]
    exact = torch.einsum("rk,rnk->rn", codes.double() * own.double()[:, None], wide[expert])
    given = scaled_product(rows, weight, scales, ends)
    torch.testing.assert_close(given.double(), exact, rtol=2**-8, atol=1e-3)


def test_what_a_gpu_is_given_passes_torch_s_own_checks() -> None:
    """The meta kernel has the checks of the CUDA one: layouts, dtypes, shapes of scales."""
    inputs = [one.to("meta") for one in product_of(CHANNEL)]
    given = scaled_product(*inputs)
    assert (given.dtype, given.shape) == (torch.bfloat16, (TOKENS * 3, 160))
    with pytest.raises(RuntimeError, match="scale_b"):
        scaled_product(inputs[0], inputs[1], inputs[2][:, :1], inputs[3])


def test_weights_of_one_scale_have_it_for_each_output() -> None:
    preset = replace(CHANNEL, weight_format="fp8_tensor")
    scales13, scales2 = inputs_of(OPERATION, preset, TOKENS, torch.bfloat16)[5:7]
    for scales, outputs in ((scales13, 160), (scales2, 48)):
        assert scales.shape[1] == outputs
        assert scales.is_contiguous()
        assert (scales == scales[:, :1]).all()


def test_the_scenario_counts_the_codes_and_scales_of_active_experts() -> None:
    scenario = OPERATION.scenario(CHANNEL, TOKENS, "bfloat16", "cold")
    assert "fp8_channel" in scenario.key
    x, ids, shares, w13, w2, scales13, scales2, _ = inputs_of(
        OPERATION, replace(CHANNEL, hidden=64, ffn=128), TOKENS, torch.bfloat16
    )
    moved = sum(one.nbytes for one in tensors([x, x, ids, shares, w13, w2, scales13, scales2]))
    whole = OPERATION.scenario(
        replace(CHANNEL, hidden=64, ffn=128), TOKENS, "bfloat16", "cold"
    ).bytes_moved
    assert whole == moved


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"weight_format": "fp8_block", "hidden": 128, "ffn": 256, "group_size": 128}, "fp8_block"),
        ({"dtype": "float16"}, "the dtype bfloat16 here, not float16"),
    ],
)
def test_what_it_does_not_compute_is_refused_by_name(change: dict[str, Any], said: str) -> None:
    preset = replace(CHANNEL, **change)
    with pytest.raises(BadInput, match=f"torch_scaled_grouped_mm cannot be measured.*{said}"):
        OPERATION.scenario(preset, TOKENS, preset.dtype, "cold")


def test_a_gpu_without_the_kernel_is_refused_by_its_capability(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    for own, absent in (((8, 9), True), ((9, 0), False), ((10, 3), False), ((12, 0), True)):
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _, own=own: own)
        assert (ENGINE.absence("cuda:0") is not None) == absent
    assert ENGINE.absence("cuda:0") == (
        "this GPU has compute capability 12.0, and it needs an NVIDIA GPU of compute capability 9.0"
        " to 10.9"
    )
    assert "of compute capability 9.0 to 10.9" in ENGINE.way_out()
    assert ENGINE.absence("cpu") is None
