"""The packed weights of vLLM and SGLang, by hand."""

import torch

from moeprof.scenarios.engines.wna16 import unpacked


def test_the_even_input_is_in_the_low_nibble() -> None:
    packed = torch.tensor([[[0x90, 0x78]]], dtype=torch.uint8)  # q = 0, 9, 8, 7
    scales = torch.tensor([[[1.0, 10.0]]])
    assert unpacked(packed, scales, 4).tolist() == [[[-8.0, 1.0, 0.0, -10.0]]]


def test_weights_of_8_bits_lie_around_128() -> None:
    packed = torch.tensor([[[0, 128, 129, 255]]], dtype=torch.uint8)
    scales = torch.tensor([[[1.0, 2.0]]])
    assert unpacked(packed, scales, 4).tolist() == [[[-128.0, 0.0, 2.0, 254.0]]]
