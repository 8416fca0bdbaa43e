"""A layer of gated experts: what its parts give one after another, on the loads that are asked."""

import torch

from moeprof.kernels.gated import gated_expert
from moeprof.kernels.moe_layer import LayerWeights, moe_layer
from moeprof.kernels.routing import PLAIN
from moeprof.kernels.topk import topk

TOKENS, WIDTH, FFN = 5, 8, 4


def drawn(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(shape[0]))


def test_tokens_go_where_they_are_sent_with_the_weights_of_the_router() -> None:
    x, w13, w2 = drawn(TOKENS, WIDTH), drawn(3, 2 * FFN, WIDTH), drawn(3, WIDTH, FFN)
    weights = LayerWeights(drawn(6, WIDTH), w13, w2)
    ids = torch.tensor([[0, 2]] * TOKENS)
    shares, _ = topk(x @ weights.gate.T, 2)
    parts = [gated_expert(x, w13[own], w2[own], "silu") for own in (0, 2)]
    expected = shares[:, :1] * parts[0] + shares[:, 1:] * parts[1]
    torch.testing.assert_close(moe_layer(x, ids, weights, PLAIN, "silu"), expected)


def test_the_shared_expert_is_added() -> None:
    x, w13, w2 = drawn(TOKENS, WIDTH), drawn(2, 2 * FFN, WIDTH), drawn(2, WIDTH, FFN)
    shared13, shared2 = drawn(12, WIDTH), drawn(WIDTH, 6)
    ids = torch.tensor([[1]] * TOKENS)
    gate = drawn(4, WIDTH)
    without = moe_layer(x, ids, LayerWeights(gate, w13, w2), PLAIN, "gelu")
    both = LayerWeights(gate, w13, w2, None, shared13, shared2)
    expected = without + gated_expert(x, shared13, shared2, "gelu")
    torch.testing.assert_close(moe_layer(x, ids, both, PLAIN, "gelu"), expected)
