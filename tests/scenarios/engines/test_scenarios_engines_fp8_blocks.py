"""fp8 weights by blocks, by hand."""

import torch

from moeprof.scenarios.engines.fp8_blocks import COUNTED, dequantised
from moeprof.scenarios.preset import Preset


def test_a_scale_is_of_128_outputs_by_128_inputs() -> None:
    weights = torch.ones(1, 256, 384).to(torch.float8_e4m3fn)
    scales = torch.tensor([[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]])
    exact = dequantised(weights, scales, torch.float32)[0]
    assert exact[0, [0, 127, 128, 383]].tolist() == [1.0, 1.0, 2.0, 3.0]
    assert exact[[127, 128, 255], 256].tolist() == [3.0, 6.0, 6.0]


def test_the_bytes_are_those_of_weights_and_scales() -> None:
    layer = Preset("two", "made up", 128, 256, 2, 2, "bfloat16", 4, 8)
    # 3 tokens: 2 * 128 elements, 2 ids and 2 shares; 2 experts of 3 * 128 * 256 and 6 scales.
    assert COUNTED["bytes_moved"](3, layer, 2) == 3 * (512 + 16) + 2 * (98304 + 24)
