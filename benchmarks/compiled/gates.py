"""Check every tile that is chosen against the gates of static.py and the other code rules."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import torch

from moeprof.benchmarks.compiled.sass import MachineCode
from moeprof.benchmarks.compiled.static import (
    MAX_PER_TOKEN,
    MAX_PER_WEIGHT,
    MAX_PERMUTES,
    MIXTRAL_FC1,
    dequant_linear_code,
    instructions_per_weight,
    topk_code,
)
from moeprof.kernels.tiling.tiles import Layer, Tile

SMALLER_LAYERS = (Layer(2048, 768, 4, 128), Layer(2048, 7168, 4, 128))  # Qwen3, DeepSeek-V3
OTHER_WEIGHTS: tuple[tuple[dict[str, Any], torch.dtype], ...] = (
    ({}, torch.float16),
    ({"bits": 8}, torch.bfloat16),
    ({"zeros": True}, torch.bfloat16),
    ({"bits": 8, "zeros": True}, torch.bfloat16),
    ({"group": 64}, torch.bfloat16),
    ({"group": 64, "zeros": True}, torch.bfloat16),
    ({"group": 32}, torch.bfloat16),
)
MATRIX = {80: "HMMA", 90: "HGMMA", 100: "UTCHMMA"}
BATCHES = (1, 16, 32, 64, 128, 256)


def gates(quick: bool) -> Iterator[dict[str, Any]]:
    """Compile every tile chosen for some layers and batches, and the routers that have a gate."""
    bf16 = torch.bfloat16
    cases = [(MIXTRAL_FC1, 90, bf16)]
    if not quick:
        cases += [(MIXTRAL_FC1, 80, bf16), (MIXTRAL_FC1, 100, bf16)]
        cases += [(layer, 90, bf16) for layer in SMALLER_LAYERS]
        cases += [(replace(MIXTRAL_FC1, **change), 90, dtype) for change, dtype in OTHER_WEIGHTS]
    for layer, family, dtype in cases:
        limited = family == 90 and (layer.bits, layer.group, layer.zeros) == (4, 128, False)
        chosen = dict(dequant_linear_code(layer, tokens, family, dtype) for tokens in BATCHES)
        for tile, code in chosen.items():
            most = MAX_PER_WEIGHT[tile.rows] if limited and dtype == bf16 else None
            yield linear_gate(layer, tile, code, most, dtype)
    for (experts, k, dtype), most in MAX_PER_TOKEN.items():
        rows, code = topk_code(experts, k, 90, dtype=dtype)
        name = f"topk {experts} k {k} {str(dtype)[6:]}"
        yield gate(name, code, code.instructions / rows, most, {})


def linear_gate(
    layer: Layer, tile: Tile, code: MachineCode, most: float | None, dtype: torch.dtype
) -> dict[str, Any]:
    """One row for a linear layer on a tile, with the rules of docs/kernels.md."""
    weights = f"w{layer.bits} g{layer.group}{' zeros' if layer.zeros else ''} {str(dtype)[6:]}"
    size = f"{tile.rows} x {tile.outputs}" + (f" / {tile.splits}" if tile.splits > 1 else "")
    name = f"{layer.inputs}->{layer.outputs} {weights}, {size}"
    on_hopper = code.architecture == 90
    broken = {
        "matrix": code.matrix != MATRIX[code.architecture],
        "permutes": on_hopper and tile.scales != "each" and code.permutes > MAX_PERMUTES,
        "serialised": code.serialised,
        "rewritten": code.rewritten > 0,
    }
    cost = instructions_per_weight(tile, code)
    return gate(f"dequant_linear {name}", code, cost, most, broken)


def gate(
    name: str, code: MachineCode, cost: float, most: float | None, broken: Mapping[str, bool]
) -> dict[str, Any]:
    """One row: counts of the machine code, and the rules it breaks; `broken` adds to these."""
    rules = {
        "spills": code.spills > 0,
        "stack": code.stack_bytes > 0,
        "narrow copies": code.narrow_copies > 0,
        "conversions": code.conversions > 0,
        "instructions": most is not None and not cost <= most,
        **broken,
    }
    return {
        "kernel": name,
        "sm": code.architecture,
        "instructions": round(cost, 2),
        "most": most,
        "registers": code.registers,
        "spills": code.spills,
        "shared_bytes": code.shared_bytes,
        "matrix": code.matrix,
        "narrow_copies": code.narrow_copies,
        "permutes": code.permutes,
        "serialised": code.serialised,
        "rewritten": code.rewritten,
        "kept": not any(rules.values()),
        "broken": ", ".join(rule for rule, is_broken in rules.items() if is_broken),
    }
