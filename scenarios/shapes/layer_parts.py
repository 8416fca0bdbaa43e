"""Which curves hold the parts of a layer, and the layer as one unit."""

from contextlib import suppress
from typing import Final

from ...store.errors import BadInput
from ...store.fitted_runs import LayerSizes, PartCurve
from ...store.scenario import L2
from ..catalogue import layer_of
from ..operation import Operation
from ..ops.layer import moe_layer, packed, w13
from ..preset import UNPACKED_BITS, Preset

GATED_OPS: Final = tuple(one.name for one in (w13.W13_GROUPED, packed.W13))
"""Operations of which a model holds a layer of gated experts if it has any of them."""


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
    )


def parts_of(preset: Preset, l2: L2) -> tuple[PartCurve, ...]:
    """The curves of the parts of a layer of gated experts; those on packed weights last."""
    parts = [_curve(one, preset, l2) for one in layer_of(preset) if one is not moe_layer.OPERATION]
    if preset.weight_bits != UNPACKED_BITS:
        with suppress(BadInput):  # of an activation that no kernel on packed weights has
            parts += [_curve(one, preset, l2) for one in (packed.W13, packed.W2)]
    return tuple(parts)


def unit_of(preset: Preset, l2: L2) -> str | None:
    """The curve of the layer as one unit; None of one rank of several, which has none."""
    if preset.local_experts is not None:
        return None
    return _curve(moe_layer.OPERATION, preset, l2).curve


def _curve(operation: Operation, preset: Preset, l2: L2) -> PartCurve:
    found = operation.scenario(preset, 1, preset.dtype, l2)
    return PartCurve(found.op, found.curve, found.weight_bits)
