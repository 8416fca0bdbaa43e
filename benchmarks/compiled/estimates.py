"""Estimated time of fc1 on GPUs that are not here. Nothing of it is measured."""

from collections.abc import Iterator, Sequence
from typing import Any

from moeprof.benchmarks.compiled.cycles import cycles
from moeprof.benchmarks.compiled.static import (
    MIXTRAL_FC1,
    dequant_linear_code,
    instructions_per_weight,
)
from moeprof.benchmarks.on_gpu.floors import bytes_and_flops, floor_us
from moeprof.kernels.tiling.tiles import Gpu

# Each GPU as choose_tile sees it, and its clock, Hz.
_GPUS = (
    (Gpu("NVIDIA H200", 90, 132), 1.755e9),
    (Gpu("NVIDIA H100", 90, 132), 1.755e9),
    (Gpu("NVIDIA A100", 80, 108), 1.41e9),
)


def estimates(batches: Sequence[int]) -> Iterator[dict[str, Any]]:
    """Estimate the chosen tile from the instructions and registers it was compiled to."""
    for gpu, clock_hz in _GPUS:
        for tokens in batches:
            tile, code = dequant_linear_code(MIXTRAL_FC1, tokens, gpu.family)
            per_weight = instructions_per_weight(tile, code)
            taken = cycles(gpu, MIXTRAL_FC1, tile, code.registers, per_weight, tokens)
            least_us = floor_us(gpu.name, *bytes_and_flops(MIXTRAL_FC1, tokens))
            assert least_us is not None, gpu.name
            yield {
                "gpu": gpu.name,
                "tokens": tokens,
                "tile": f"{tile.rows} x {tile.outputs} / {tile.splits}",
                "floor_us": round(least_us, 2),
                "estimated_us": round(max(least_us, 1e6 * taken / clock_hz), 1),
            }
