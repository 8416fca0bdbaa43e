"""Weights to measure on: of the shapes that kernels take, made by the quantiser, drawn once."""

from typing import Any

import pytest
import torch

from moeprof.kernels.formats.drawn import Quantised, packed_weights
from moeprof.kernels.formats.names import FORMATS
from moeprof.kernels.formats.registry import format_named
from moeprof.kernels.packing import dequantise


class Pool:
    """Draws as an isolated script does: once for each dtype and draw."""

    def __init__(self) -> None:
        self.drawn: dict[Any, torch.Tensor] = {}

    def take(
        self, shape: tuple[int, ...], dtype: torch.dtype = torch.bfloat16, draw: Any = None
    ) -> torch.Tensor:
        if draw is None:
            return torch.zeros(shape, dtype=dtype)
        generator = torch.Generator().manual_seed(0)
        if (dtype, draw) not in self.drawn:
            self.drawn[dtype, draw] = draw(torch.randn(1 << 16, generator=generator))
        block, count = self.drawn[dtype, draw], torch.Size(shape).numel()
        assert block.dtype == dtype
        return block.repeat(-(-count // len(block)))[:count].view(shape)


@pytest.mark.parametrize("experts", [None, 3])
@pytest.mark.parametrize("name", FORMATS)
def test_weights_are_of_the_size_of_float_ones(name: str, experts: int | None) -> None:
    weights = packed_weights(Pool().take, name, 32, 256, 384, experts)
    own = weights if experts is None else weights.of(2)
    assert experts is None or weights.experts() == experts
    found = dequantise(own.packed, own.scales, 384, own.zeros, own.codes, torch.float32)
    assert found.shape == (256, 384)
    assert 0.8 / 64 < found.std() < 1.25 / 64


def test_two_calls_of_a_format_share_what_is_drawn() -> None:
    pool = Pool()
    for inputs in (128, 256):
        packed_weights(pool.take, "mxfp4", 32, 128, inputs)
    assert len(pool.drawn) == 2  # codes and scales


def test_a_group_wider_than_what_is_drawn_repeats_it() -> None:
    form = format_named("int8", 4096)
    scales = Quantised(form, torch.float32, "scales", 4096)(torch.randn(1 << 16))
    assert scales.shape == (128,)
