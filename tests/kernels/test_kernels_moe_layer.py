"""A layer of gated experts: what its parts give one after another, on the loads that are asked."""

import pytest
import torch

from moeprof.kernels.formats.registry import format_named
from moeprof.kernels.gated import gated_expert
from moeprof.kernels.moe_layer import LayerWeights, moe_layer
from moeprof.kernels.packing import dequantise
from moeprof.kernels.routing import PLAIN
from moeprof.kernels.topk import topk
from moeprof.kernels.weights import Weights

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


@pytest.mark.parametrize("activation", ["silu", "clipped"])
def test_packed_experts_give_what_their_unpacked_weights_give(activation: str) -> None:
    torch.manual_seed(0)
    form = format_named("fp8_channel", 0)
    halves = [form.quantise(drawn(32, 32 + n)[:, n:], torch.float32) for n in range(3)]
    downs = [form.quantise(drawn(32, 16 + n)[:, n:], torch.float32) for n in range(3)]
    inputs = [(own, 32) for own in halves] + [(own, 16) for own in downs]
    plain = [dequantise(own.packed, own.scales, k, codes=own.codes) for own, k in inputs]
    # Packed rows are gate and up in turns; unpacked ones lie side by side, but for clipped.
    order = slice(None) if activation == "clipped" else [*range(0, 32, 2), *range(1, 32, 2)]
    x, gate = drawn(5, 32), drawn(3, 32)
    ids = torch.tensor([[0, 2], [1, 0], [2, 1], [0, 1], [2, 0]])
    packed = LayerWeights(gate, stacked(halves), stacked(downs), None, halves[0], downs[0])
    w13 = torch.stack(plain[:3])[:, order]
    unpacked = LayerWeights(gate, w13, torch.stack(plain[3:]), None, w13[0], plain[3])
    found = moe_layer(x, ids, packed, PLAIN, activation)
    torch.testing.assert_close(found, moe_layer(x, ids, unpacked, PLAIN, activation))


def stacked(weights: list[Weights]) -> Weights:
    packed = torch.stack([one.packed for one in weights])
    return Weights(packed, torch.stack([one.scales for one in weights]), codes=weights[0].codes)
