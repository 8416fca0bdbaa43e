"""Models of a layer of gated experts, whose parts have simple times."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa

from moeprof.costmodel.layer.fitted import with_differences
from moeprof.costmodel.layer.loads import expected_active
from moeprof.costmodel.model import KernelCostModel
from moeprof.store.cost_model import CostModelFile
from moeprof.store.fitted_runs import LayerSizes, PartCurve
from moeprof.tests.builders import make_model_file, make_points

SIZES = (1, 2, 4, 8, 16, 32, 64, 128)
LAYER = LayerSizes("tiny", 8, 4, 16, 2, "float32", router="topk", activation="silu")
GROUPED = ("w13_grouped", "w2_grouped")
PARTS = ("gate", "topk", "permute", *GROUPED[:1], "act_mul", *GROUPED[1:], "unpermute")


def part_us(op: str, layer: LayerSizes, tokens: int) -> float:
    """Latency of a part: grouped ones by active experts, all by tokens."""
    active = expected_active(layer, layer.routing or "", tokens) if op in GROUPED else 0.0
    return 10 + len(op) + 20 * active + tokens


def unit_us(layer: LayerSizes, tokens: int) -> float:
    """Latency of the whole: a tenth of the sum overlaps, and 3 us lie between two parts."""
    return 0.9 * sum(part_us(op, layer, tokens) for op in PARTS) + 3 * (len(PARTS) - 1)


def routed_us(layer: LayerSizes, tokens: int) -> float:
    """Sum of the latencies of the parts from permute to unpermute."""
    return sum(part_us(op, layer, tokens) for op in PARTS[PARTS.index("permute") :])


def curve_of(op: str, layer: LayerSizes) -> str:
    routed = f"-{layer.routing}".replace(":", "") if op in (*GROUPED, "moe_layer") else ""
    return f"{op}-{layer.hidden}x{layer.ffn}-fp32{routed}-cold"


def points_of(op: str, layer: LayerSizes, us: Callable[[int], float], **columns: Any) -> pa.Table:
    named = {"curve": curve_of(op, layer), "op": op, "shape": [layer.hidden, layer.ffn]}
    return make_points(us, SIZES, **named, **columns)


def gated_file(
    *routings: str,
    without: Sequence[str] = (),
    routed: Sequence[str] = (),
    layer: LayerSizes = LAYER,
    **columns: Any,
) -> CostModelFile:
    """A model of `layer` at each routing; operations of `without` were not measured.

    Operations of `routed` take half the time of the parts that they replace.
    """
    layers, tables = [], {}
    for routing in routings:
        one = replace(layer, routing=routing)
        parts = tuple(PartCurve(op, curve_of(op, one)) for op in PARTS)
        unit = curve_of("moe_layer", one) if one.ranks == 1 else None
        fused = tuple(PartCurve(op, curve_of(op, one)) for op in routed)
        layers.append(replace(one, parts=parts, routed=fused, unit=unit))
        for op in routed:
            half = lambda tokens, one=one: routed_us(one, tokens) / 2  # noqa: E731
            tables[curve_of(op, one)] = points_of(op, one, half, **columns)
        for op in PARTS:
            us = lambda tokens, op=op, one=one: part_us(op, one, tokens)  # noqa: E731
            tables[curve_of(op, one)] = points_of(op, one, us, **columns)
        if unit is not None:
            whole = lambda tokens, one=one: unit_us(one, tokens)  # noqa: E731
            tables[unit] = points_of("moe_layer", one, whole, **columns)
    kept = [table for name, table in tables.items() if name.partition("-")[0] not in without]
    return with_differences(replace(make_model_file(*kept), layers=tuple(layers)))


def gated_model(*routings: str, **changed: Any) -> KernelCostModel:
    return KernelCostModel.from_file(gated_file(*routings, **changed))
