"""Which curves hold the parts of a layer, and the layer as one unit."""

from contextlib import suppress
from typing import Final

from ...store.errors import BadInput
from ...store.fitted_runs import LayerSizes, PartCurve
from ...store.scenario import L2
from ..catalogue import is_dense, layer_of, unit_operation
from ..engines import registry
from ..operation import Operation
from ..ops.layer import packed, routed_experts, w13
from ..preset import UNPACKED_BITS, Preset

GATED_OPS: Final = tuple(one.name for one in (w13.W13_GROUPED, w13.W13, packed.W13))
"""Operations of which a model holds a layer of gated experts if they are parts of it."""


def layer_sizes(preset: Preset) -> LayerSizes:
    """What a model holds of a layer: its sizes and words, without its parts."""
    words = preset.variants
    return LayerSizes(
        preset=preset.name,
        hidden=preset.hidden,
        ffn=preset.ffn,
        experts=preset.experts,
        top_k=preset.top_k,
        dtype=preset.dtype,
        shared_ffn=preset.shared_ffn,
        local_experts=preset.local_experts,
        tensor_parallel=preset.tensor_parallel,
        router=words["router"],
        activation=words["activation"],
        routing=preset.routing,
        weight_format=preset.weight_format,
        group_size=None if preset.weight_format is None else preset.identity["group_size"],
    )


def parts_of(preset: Preset, l2: L2) -> tuple[PartCurve, ...]:
    """The curves of the parts of a layer of gated experts.

    Of a layer whose weights have no format, integers that may replace unpacked ones come last.
    """
    unit = unit_operation(preset)
    parts = [_curve(one, preset, l2) for one in layer_of(preset) if one is not unit]
    if preset.weight_format is None and preset.weight_bits != UNPACKED_BITS:
        parts += [_curve(one, preset, l2) for one in (packed.W13, packed.W2)]
    return tuple(parts)


def routed_of(preset: Preset, l2: L2) -> tuple[PartCurve, ...]:
    """The curves of operations that compute the routed experts of a layer in one, engines' too.

    None of a dense layer, whose expert is not routed.
    """
    found: list[PartCurve] = []
    if is_dense(preset):
        return ()
    for one in (routed_experts.PLAIN, routed_experts.PACKED, *registry.OPERATIONS.values()):
        if "weight_bits" in one.fields and preset.weight_bits == UNPACKED_BITS:
            continue
        with suppress(BadInput):  # it does not compute this layer
            found.append(_curve(one, preset, l2))
    return tuple(found)


def unit_of(preset: Preset, l2: L2) -> str | None:
    """The curve of the layer as one unit; None where it has none."""
    unit = unit_operation(preset)
    return None if unit is None else _curve(unit, preset, l2).curve


def _curve(operation: Operation, preset: Preset, l2: L2) -> PartCurve:
    found = operation.scenario(preset, 1, preset.dtype, l2)
    return PartCurve(found.op, found.curve, found.weight_bits)
