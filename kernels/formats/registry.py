"""Formats of weights by name."""

from __future__ import annotations

from .fp8 import Fp8
from .integers import Integers
from .mxfp4 import Mxfp4
from .names import sizes_of
from .weight_format import WeightFormat


def format_named(name: str, group: int) -> WeightFormat:
    """A format of names.FORMATS; `group` is that of a layer, where the format has none of its own.

    Raises BadInput for an unknown name.
    """
    sizes = sizes_of(name)
    if name == "mxfp4":
        return Mxfp4()
    if name.startswith("fp8"):
        span = {"fp8_tensor": None, "fp8_channel": 1, "fp8_block": sizes.group}[name]
        return Fp8(span, sizes.group or None)
    return Integers(sizes.bits, group, zeros=name.endswith("_zeros"))
