"""Weights of many experts: one of them, and what they must have in common."""

import pytest
import torch

from moeprof.kernels.packing import packed_shape
from moeprof.kernels.weights import Weights
from moeprof.store.errors import BadInput

PACKED = torch.arange(3 * 32 * 4, dtype=torch.int32).view(3, *packed_shape(16, 64, 4))
SCALES = torch.arange(3.0)[:, None, None].repeat(1, 2, 16)


def test_the_weights_of_an_expert_are_its_part_of_each_tensor() -> None:
    weights = Weights(PACKED, SCALES, bias=torch.arange(48.0).view(3, 16)).of(2)
    assert torch.equal(weights.packed, PACKED[2])
    assert (weights.scales == 2).all()
    assert weights.zeros is None
    assert weights.bias is not None
    assert weights.bias.tolist() == list(range(32, 48))


def test_experts_are_counted() -> None:
    assert Weights(PACKED, SCALES).experts() == 3


@pytest.mark.parametrize(
    ("weights", "why"),
    [
        (Weights(PACKED[0], SCALES), "packed must be int32 .experts"),
        (Weights(PACKED[:0], SCALES[:0]), "packed must be int32 .experts"),
        (Weights(PACKED, SCALES[:2]), "of 3 experts and scales of 2"),
        (Weights(PACKED, torch.tensor(1.0)), "of 3 experts and scales of 0"),
        (Weights(PACKED, SCALES, bias=torch.ones(4, 16)), "of 3 experts and bias of 4"),
        (Weights(PACKED[:1].expand(3, -1, -1, -1, -1), SCALES), "packed must be contiguous"),
    ],
)
def test_tensors_of_different_numbers_of_experts_are_refused(weights: Weights, why: str) -> None:
    with pytest.raises(BadInput, match=why):
        weights.experts()
