"""Float weights for quantisers, drawn by hypothesis, and their way through a format and back."""

from typing import Final

import hypothesis.strategies as st
import torch

from moeprof.kernels.formats.weight_format import WeightFormat
from moeprof.kernels.packing import dequantise

SHAPE: Final = (128, 128)


def _drawn(seed: int, scale_exponent: int, spread: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    octaves = torch.randint(-spread, 1, SHAPE, generator=generator)
    values = torch.randn(SHAPE, generator=generator) * torch.exp2(octaves)
    return torch.where(octaves == -12, 0, values) * 2.0**scale_exponent


WEIGHTS: Final = st.builds(_drawn, st.integers(0, 999), st.integers(-20, 20), st.integers(0, 12))
"""float32 [128, 128] of a scale and a spread over octaves, some of them 0."""


def there_and_back(form: WeightFormat, weight: torch.Tensor) -> torch.Tensor:
    """The weights that a format makes of float ones, in float64."""
    own = form.quantise(weight, torch.float32)
    scales = own.scales.double() if own.scales.is_floating_point() else own.scales
    zeros = None if own.zeros is None else own.zeros.double()
    return dequantise(own.packed, scales, weight.shape[1], zeros, own.codes, torch.float64)
