"""fp8 weights by blocks, by hand."""

import torch

from moeprof.scenarios.engines.fp8_blocks import dequantised


def test_a_scale_is_of_128_outputs_by_128_inputs() -> None:
    weights = torch.ones(1, 256, 384).to(torch.float8_e4m3fn)
    scales = torch.tensor([[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]])
    exact = dequantised(weights, scales, torch.float32)[0]
    assert exact[0, [0, 127, 128, 383]].tolist() == [1.0, 1.0, 2.0, 3.0]
    assert exact[[127, 128, 255], 256].tolist() == [3.0, 6.0, 6.0]
