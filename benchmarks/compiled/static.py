"""Compile moeprof's kernels as they would be launched, without a GPU, and the gates they must hold.

A gate bounds the instructions of the machine code (docs/kernels.md). Time is not known without a
GPU.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any, Final

import torch

from moeprof.benchmarks.compiled.sass import MachineCode, machine_code, require_compiler
from moeprof.kernels.active_set import active_set_constants, active_set_kernel
from moeprof.kernels.dequant_linear import constants, dequant_linear_kernel, options
from moeprof.kernels.grouped_linear import grouped_constants, grouped_linear_kernel
from moeprof.kernels.routing import PLAIN, Routing
from moeprof.kernels.tiling.choice import choose_tile
from moeprof.kernels.tiling.tiles import Gpu, Layer, Tile
from moeprof.kernels.topk import constants as topk_constants
from moeprof.kernels.topk import topk_kernel

GPUS: Final = {80: Gpu("A100", 80, 108), 90: Gpu("H200", 90, 132), 100: Gpu("B200", 100, 148)}
MIXTRAL_FC1: Final = Layer(outputs=14336, inputs=4096, bits=4, group=128)

# Gates on sm_90. MAX_PER_WEIGHT: instructions per weight in the main loop, by rows of the tile, for
# 4 bits and groups of 128. MAX_PER_TOKEN: warp instructions per token at 8192 tokens, by experts, k
# and dtype of the logits. MAX_PERMUTES: byte permutations in the main loop.
MAX_PER_WEIGHT: Final = {16: 3.2, 32: 3.2, 64: 3.6, 128: 4.3, 256: 4.7}
MAX_PER_TOKEN: Final = {
    (64, 6, torch.float32): 150,
    (128, 8, torch.float32): 302,
    (256, 8, torch.float32): 507,
    (512, 8, torch.float32): 890,
    (64, 6, torch.bfloat16): 65,
    (128, 8, torch.bfloat16): 150,
    (256, 8, torch.bfloat16): 240,
    (512, 8, torch.bfloat16): 440,
}
MAX_PERMUTES: Final = 2

_MANY_TOKENS = 8192
_SCALES = {"e4m3": "*fp32", "e2m1": "*u8"}
_POINTER = {torch.bfloat16: "*bf16", torch.float16: "*fp16", torch.float32: "*fp32"}


def dequant_linear_code(
    layer: Layer,
    tokens: int,
    family: int,
    dtype: torch.dtype = torch.bfloat16,
    activation: str = "gelu_tanh",
) -> tuple[Tile, MachineCode]:
    """Compile dequant_linear with bias for `tokens` rows, on the tile chosen for that family."""
    tile = choose_tile(GPUS[family], layer, tokens, dtype.itemsize)
    return tile, tile_code(layer, tile, family, dtype, activation)


@cache  # many batch sizes run on one tile
def tile_code(
    layer: Layer,
    tile: Tile,
    family: int,
    dtype: torch.dtype = torch.bfloat16,
    activation: str = "gelu_tanh",
) -> MachineCode:
    """Compile dequant_linear with bias on a given tile."""
    require_compiler()
    split = tile.splits > 1
    types = _product_types(dtype, layer) | {
        "parts_ptr": "*fp32" if split else None,
        "arrived_ptr": "*i32" if split else None,
    }
    settings = constants(layer, tile, activation, dtype) | options(tile)
    return _compiled(dequant_linear_kernel, types, settings, family)


def grouped_linear_code(
    layer: Layer, experts: int, tokens: int, family: int, activation: str = "silu"
) -> tuple[Tile, MachineCode]:
    """Compile grouped_linear on bfloat16 with bias, for `tokens` rows spread over `experts`."""
    require_compiler()
    tile = choose_tile(GPUS[family], layer, -(-tokens // experts), experts=experts)
    types = _product_types(torch.bfloat16, layer) | {"counts_ptr": "*i32"}
    settings = grouped_constants(experts, layer, tile, activation, torch.bfloat16) | options(tile)
    return tile, _compiled(grouped_linear_kernel, types, settings, family)


def topk_code(
    experts: int,
    k: int,
    family: int,
    routing: Routing = PLAIN,
    with_bias: bool = False,
    tokens: int = _MANY_TOKENS,
    dtype: torch.dtype = torch.float32,
) -> tuple[int, MachineCode]:
    """Compile topk for contiguous logits; return the rows per warp, and the code."""
    require_compiler()
    settings = topk_constants(tokens, experts, k, routing) | {"stride_column": 1}
    types = {
        "logits_ptr": _POINTER[dtype],
        "bias_ptr": "*fp32" if with_bias else None,
        "weights_ptr": "*fp32",
        "ids_ptr": "*i32",
        "counts_ptr": None,
        "tokens": "i32",
        "stride_row": "i32:16",
        "scale": "fp32",
    }
    return settings["ROWS"], _compiled(topk_kernel, types, settings, family)


def active_set_code(tokens: int, experts: int, k: int, family: int) -> MachineCode:
    """Compile active_set for contiguous float32 scores."""
    require_compiler()
    settings = active_set_constants(tokens, experts, k)
    types = {
        "scores_ptr": "*fp32",
        "prices_ptr": "*fp32",
        "weights_ptr": "*fp32",
        "ids_ptr": "*i32",
        "kept_ptr": "*i1",
        "tokens": "i32",
        "experts": "i32",
        "stride_row": "i32:16",
    }
    return _compiled(active_set_kernel, types, settings | {"stride_column": 1}, family)


def instructions_per_weight(tile: Tile, code: MachineCode) -> float:
    """Instructions per lane and weight in the main loop."""
    return code.loop.total() / (tile.outputs * tile.inputs / (32 * tile.warps))


def _product_types(dtype: torch.dtype, layer: Layer) -> dict[str, str | None]:
    pointer = _POINTER[dtype]
    eighths = layer.inputs // 8
    sizes = {"N": layer.outputs, "K_by_8": eighths, "x_stride_by_8": eighths}
    types: dict[str, str | None] = {
        name: "i32" if size % 16 else "i32:16" for name, size in sizes.items()
    }
    types |= dict.fromkeys(("x_ptr", "bias_ptr", "y_ptr"), pointer)
    types["scales_ptr"] = _SCALES.get(layer.codes, pointer)
    zeros = pointer if layer.zeros else None
    return types | {"packed_ptr": "*i32", "zeros_ptr": zeros, "M": "i32"}


def _compiled(
    kernel: Any, types: Mapping[str, str | None], settings: Mapping[str, Any], family: int
) -> MachineCode:
    """Compile with the launch's options; an argument whose type is None is passed as None."""
    given = {name: kind for name, kind in types.items() if kind is not None}
    absent = {name: None for name, kind in types.items() if kind is None}
    fixed = {name: value for name, value in settings.items() if name in kernel.arg_names}
    compiler = {name: value for name, value in settings.items() if name not in fixed}
    compiler.setdefault("enable_fp_fusion", True)
    return machine_code(kernel, given, fixed | absent, family, **compiler)
