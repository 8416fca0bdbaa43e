"""fp8: the error of a weight, blocks with scales of their own, bytes counted by hand."""

import pytest
import torch
from hypothesis import given, settings

from moeprof.kernels.formats.fp8 import Fp8
from moeprof.kernels.formats.weight_format import weight_bytes
from moeprof.store.errors import BadInput
from moeprof.tests.kernels.formats.float_weights import WEIGHTS, there_and_back

TENSOR, CHANNEL, BLOCK = Fp8(None, None), Fp8(1, None), Fp8(128, 128)


@pytest.mark.parametrize(("span", "group"), [(None, None), (1, None), (64, 32)])
@settings(max_examples=25, deadline=None)
@given(weight=WEIGHTS)
def test_a_weight_is_rounded_to_the_nearest_of_its_scale(
    span: int | None, group: int | None, weight: torch.Tensor
) -> None:
    form = Fp8(span, group)
    by_input = form.quantise(weight, torch.float32).scales.double()
    scales = by_input.T.repeat_interleave(128 // by_input.shape[1], 0)
    scales = scales.repeat_interleave(128 // by_input.shape[0], 1)
    errors = (there_and_back(form, weight) - weight).abs()
    bounds = torch.maximum(weight.abs().double() / 16, scales * 2.0**-10)
    assert bool((errors <= bounds * (1 + 1e-6)).all())


def test_the_largest_weight_of_a_block_becomes_448() -> None:
    weight = torch.ones(256, 256)
    weight[:128, :128], weight[200, 30] = 2.0, -14.0
    scales = BLOCK.quantise(weight, torch.bfloat16).scales
    assert scales.dtype == torch.float32
    # Rows are blocks of inputs, columns blocks of outputs.
    expected = torch.tensor([[2.0, 14.0], [1.0, 1.0]]) / 448
    torch.testing.assert_close(scales, expected)
    torch.testing.assert_close(there_and_back(BLOCK, weight)[200, 30].item(), -14.0)


def test_weights_of_zero_stay_zero() -> None:
    assert not there_and_back(TENSOR, torch.zeros(32, 64)).any()


@pytest.mark.parametrize(
    ("form", "scales"),
    [(TENSOR, 1), (CHANNEL, 256), (BLOCK, 6)],
    ids=["tensor", "channel", "block"],
)
def test_bytes_are_one_a_weight_and_four_a_scale(form: Fp8, scales: int) -> None:
    own = form.quantise(torch.randn(256, 384), torch.bfloat16)
    counted = own.packed.nbytes + own.scales.nbytes
    assert weight_bytes(form, 256, 384, 2) == counted == 256 * 384 + 4 * scales


def test_a_block_that_does_not_divide_is_refused() -> None:
    with pytest.raises(BadInput, match="N is 64, no multiple of 128"):
        BLOCK.quantise(torch.ones(64, 128), torch.float32)
    with pytest.raises(BadInput, match="K is 96, no multiple of 128"):
        BLOCK.quantise(torch.ones(128, 96), torch.float32)
