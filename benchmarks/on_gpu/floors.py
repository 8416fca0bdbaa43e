"""The least time a GPU allows: bytes over bandwidth, or operations over peak."""

import math

from moeprof.device.peaks import data_sheet
from moeprof.kernels.packing import packed_shape
from moeprof.kernels.tiling.tiles import Layer

# Bytes/s and FLOP/s that were measured on a GPU of exactly that name: an NVL, a GH200 or a slice
# of one has others. All others go by their data sheet.
REACHED = {"NVIDIA H200": (4.3e12, 790e12)}


def bytes_and_flops(layer: Layer, tokens: int) -> tuple[int, int]:
    """What one call of the layer on 16-bit activations moves at least, and computes."""
    weights = math.prod(packed_shape(layer.outputs, layer.inputs, layer.bits)) * 4
    scales = layer.inputs // layer.group * layer.outputs * 2
    activations = 2 * tokens * (layer.inputs + layer.outputs)
    return weights + scales + activations, 2 * tokens * layer.inputs * layer.outputs


def rates_of(name: str) -> tuple[float, float] | None:
    """Bytes/s and FLOP/s: measured, or of the data sheet; None for an unknown GPU or a slice."""
    if name in REACHED:
        return REACHED[name]
    sheet = None if "MIG" in name else data_sheet(name)
    if sheet is None or sheet.bytes_per_s is None:
        return None
    return sheet.bytes_per_s, sheet.flops_per_s["bfloat16"]


def floor_us(name: str, moved: int, flops: int = 0) -> float | None:
    """The least time for so many bytes and operations; None for an unknown GPU."""
    rates = rates_of(name)
    return None if rates is None else 1e6 * max(moved / rates[0], flops / rates[1])
