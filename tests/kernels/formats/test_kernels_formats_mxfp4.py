"""mxfp4 against the numbers of the specification, and the error of a weight."""

import pytest
import torch
from hypothesis import given, settings

from moeprof.kernels.formats.mxfp4 import Mxfp4
from moeprof.kernels.formats.weight_format import weight_bytes
from moeprof.kernels.packing import unpack
from moeprof.store.errors import BadInput
from moeprof.tests.kernels.formats.float_weights import WEIGHTS, there_and_back

FORM = Mxfp4()
VALUES = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0)  # OCP Microscaling Formats 1.0, table 5


def a_group(*first: float) -> torch.Tensor:
    """Sixteen outputs of one group, whose first weights are given and whose others are 0."""
    weight = torch.zeros(16, 32)
    weight[:, : len(first)] = torch.tensor(first)
    return weight


def test_the_numbers_of_the_specification_are_kept_with_their_codes() -> None:
    own = FORM.quantise(a_group(*VALUES, *(-value for value in VALUES)), torch.float32)
    assert unpack(own.packed, (16, 32))[0, :16].tolist() == list(range(16))
    assert own.scales.tolist() == [[127] * 16]  # 2^0


def test_values_between_two_go_to_the_nearest_and_ties_to_an_even_significand() -> None:
    given_ = (4.0, 0.25, 0.75, 1.25, 1.75, 2.5, 3.5, 5.0, 0.26, 0.74, 5.01)
    expected = (4.0, 0.0, 1.0, 1.0, 2.0, 2.0, 4.0, 4.0, 0.5, 0.5, 6.0)
    assert there_and_back(FORM, a_group(*given_))[0, :11].tolist() == list(expected)


@pytest.mark.parametrize(
    ("largest", "exponent", "becomes"),
    [(6.0, 127, 6.0), (7.9, 127, 6.0), (8.0, 128, 8.0), (3.0, 126, 3.0), (2.0**-130, 1, 0.0)],
)
def test_the_shared_exponent_is_that_of_the_largest_less_2(
    largest: float, exponent: int, becomes: float
) -> None:
    weight = a_group(largest)
    assert FORM.quantise(weight, torch.float32).scales[0, 0] == exponent
    assert there_and_back(FORM, weight)[0, 0] == becomes


@settings(max_examples=40, deadline=None)
@given(weight=WEIGHTS)
def test_an_error_is_a_quarter_of_the_largest_of_the_group_at_most(weight: torch.Tensor) -> None:
    errors = (there_and_back(FORM, weight) - weight).abs().view(128, -1, 32)
    largest = weight.abs().double().view(128, -1, 32).amax(2, keepdim=True)
    assert bool((errors <= largest / 4).all())


def test_a_weight_has_four_bits_and_32_an_exponent_of_a_byte() -> None:
    own = FORM.quantise(torch.randn(64, 128), torch.bfloat16)
    counted = own.packed.nbytes + own.scales.nbytes
    assert weight_bytes(FORM, 64, 128, 2) == counted == 64 * 128 // 2 + 64 * 128 // 32


def test_inputs_that_are_no_multiple_of_32_are_refused() -> None:
    with pytest.raises(BadInput, match="K is 48, no multiple of 32"):
        FORM.quantise(torch.ones(16, 48), torch.float32)
