"""Integers in groups: the error of a weight, zero points, bytes counted by hand."""

import pytest
import torch
from hypothesis import given, settings

from moeprof.kernels.formats.integers import Integers
from moeprof.kernels.formats.weight_format import weight_bytes
from moeprof.store.errors import BadInput
from moeprof.tests.kernels.formats.float_weights import WEIGHTS, there_and_back

FORMS = [
    Integers(4, 32),
    Integers(8, 64),
    Integers(4, 32, zeros=True),
    Integers(8, 128, zeros=True),
]


@pytest.mark.parametrize("form", FORMS, ids=str)
@settings(max_examples=25, deadline=None)
@given(weight=WEIGHTS)
def test_an_error_is_half_of_a_scale_at_most(form: Integers, weight: torch.Tensor) -> None:
    scales = form.quantise(weight, torch.float32).scales.double()
    errors = (there_and_back(form, weight) - weight).abs().view(128, -1, form.group)
    halves = 1.0 if form.zeros else 0.5  # a zero point is rounded too, and cuts a bound off
    assert bool((errors <= halves * scales.T[:, :, None] * (1 + 1e-5)).all())


def test_zero_points_use_all_levels_of_a_group_on_one_side() -> None:
    weight = torch.linspace(0, 15, 16).repeat(16, 1)
    own = Integers(4, 16, zeros=True).quantise(weight, torch.float32)
    assert own.zeros is not None
    assert (own.scales[0, 0].item(), own.zeros[0, 0].item()) == (1.0, 0.0)
    assert torch.equal(there_and_back(Integers(4, 16, zeros=True), weight), weight.double())


def test_weights_of_zero_stay_zero_with_zero_points_too() -> None:
    for form in FORMS:
        assert not there_and_back(form, torch.zeros(16, 128)).any()


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_bytes_are_those_of_codes_scales_and_zero_points(form: Integers) -> None:
    own = form.quantise(torch.randn(32, 128), torch.bfloat16)
    zeros = 0 if own.zeros is None else own.zeros.nbytes
    expected = 32 * 128 * form.bits // 8 + (1 + form.zeros) * 32 * (128 // form.group) * 2
    assert own.packed.nbytes + own.scales.nbytes + zeros == expected
    assert weight_bytes(form, 32, 128, 2) == expected


def test_a_group_that_does_not_divide_is_refused() -> None:
    with pytest.raises(BadInput, match="K is 40, no multiple of 16"):
        Integers(4, 16).quantise(torch.ones(16, 40), torch.float32)
