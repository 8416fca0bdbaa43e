"""Roofline floor: the larger of bytes over bandwidth and operations over peak."""

import math

from moeprof.device.peaks import data_sheet
from moeprof.kernels.packing import packed_shape
from moeprof.kernels.tiling.tiles import Layer

# Bytes/s and FLOP/s measured on a GPU of exactly this name; an NVL, a GH200 or a MIG slice differs.
# All other GPUs use their data sheet.
REACHED = {"NVIDIA H200": (4.3e12, 790e12)}


def bytes_and_flops(layer: Layer, tokens: int) -> tuple[int, int]:
    """Least bytes moved, and FLOPs, of one call of the layer on 16-bit activations."""
    weights = math.prod(packed_shape(layer.outputs, layer.inputs, layer.bits)) * 4
    scales = layer.inputs // layer.group * layer.outputs * 2
    activations = 2 * tokens * (layer.inputs + layer.outputs)
    return weights + scales + activations, 2 * tokens * layer.inputs * layer.outputs


def rates_of(name: str) -> tuple[float, float] | None:
    """Bytes/s and FLOP/s, measured or by data sheet; None for an unknown GPU or a MIG slice."""
    if name in REACHED:
        return REACHED[name]
    sheet = None if "MIG" in name else data_sheet(name)
    if sheet is None or sheet.bytes_per_s is None:
        return None
    return sheet.bytes_per_s, sheet.flops_per_s["bfloat16"]


def floor_us(name: str, moved: int, flops: int = 0) -> float | None:
    """Floor of the time for so many bytes and operations, us; None for an unknown GPU."""
    rates = rates_of(name)
    return None if rates is None else 1e6 * max(moved / rates[0], flops / rates[1])
