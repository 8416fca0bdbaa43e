"""The operations of a run at the sizes of several layers, each curve once."""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from ...kernels.formats.names import UNQUANTISED
from ...store.errors import BadInput
from ...store.scenario import L2
from ...store.text.listed import listed
from ..catalogue import LoadedOp
from ..operation import Operation
from ..preset import UNPACKED_BITS, Preset
from ..run_options import RunOptions

# A rank sorts its own tokens, whatever experts it holds.
_OF_OWN_TOKENS: Final = ("permute", "unpermute")


def operations_at(
    layers: Sequence[Preset], ops_of: Callable[[Preset], Sequence[LoadedOp]], l2: L2
) -> tuple[LoadedOp, ...]:
    """Give the operations `ops_of` each layer, those of one curve once.

    Layers are told apart by what an operation reads of them, not by their names. An operation that
    is there at several sizes is named in the run by its curve. A layer whose weights are not packed
    leaves out the operations on packed ones. Raises BadInput where that leaves none, where an
    operation needs a size that a layer does not name, and where it needs experts of other ranks.
    """
    found: dict[str, LoadedOp] = {}
    left_out: list[str] = []
    for layer in layers:
        for loaded in ops_of(layer):
            operation = loaded.operation
            if layer.weight_bits == UNPACKED_BITS and "weight_bits" in operation.fields:
                left_out.append(operation.name)
                continue
            _check_ranks(operation, layer)
            curve = operation.scenario(layer, 1, layer.dtype, l2).curve
            found.setdefault(curve, replace(loaded, preset=None if layer is layers[0] else layer))
    if not found:
        raise BadInput(
            f"the weights of {layers[0].name} are not packed, as these operations read them:"
            f" {', '.join(dict.fromkeys(left_out))}",
            hint="pack them: --weight-format int4, or another that `moeprof profile --help` lists",
        )
    several = Counter(loaded.operation.name for loaded in found.values())
    return tuple(
        loaded
        if several[loaded.operation.name] == 1
        else replace(loaded, alias=_alias(loaded.operation.name, curve))
        for curve, loaded in found.items()
    )


def check_options_are_read(options: RunOptions, found: Sequence[LoadedOp]) -> None:
    """Raise BadInput for packed weights, or a routing, that none of the operations reads."""
    unpacked = (None, UNQUANTISED, str(UNPACKED_BITS))
    layer = "name one: --ops layer"
    experts = "--ops layer has such of several experts"  # a dense layer routes nothing
    packed = "--ops layer has such by --weight-format int4"  # with bits its weights are whole
    for option, words, what, field, way in (
        ("--weight-format", options.weight_format, "packed weights", "weight_bits", layer),
        ("--weight-bits", options.weight_bits, "packed weights", "weight_bits", packed),
        ("--routing", options.routing, "routed tokens", "routing", experts),
    ):
        operations = [loaded.operation for loaded in found]
        if words not in unpacked and not any(
            field in (*one.fields, *one.variant) for one in operations
        ):
            names = listed(dict.fromkeys(one.name for one in operations))
            raise BadInput(
                f"{option} is for operations on {what}, and there is none among {names}",
                hint=f"leave {option} out; {way}",
            )


def _check_ranks(operation: Operation, layer: Preset) -> None:
    """Raise BadInput where an operation routes to experts that a rank does not hold."""
    if layer.local_experts is None or "routing" not in operation.variant:
        return
    if "local_experts" not in operation.shape and operation.name not in _OF_OWN_TOKENS:
        raise BadInput(
            f"{operation.name} routes to every expert, and {layer.name} holds"
            f" {layer.local_experts} of {layer.experts}",
            hint="--ops layer has the parts of one rank, and `moeprof cost layer` adds them up",
        )


def _alias(name: str, curve: str) -> str:
    """The name of a script, which is a slug: fc1_512x1024_fp32_cold of fc1-512x1024-fp32-cold."""
    sizes = curve.partition("-")[2]
    return f"{name}_{re.sub('[^a-z0-9]+', '_', sizes)}"
