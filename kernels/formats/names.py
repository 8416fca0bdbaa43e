"""The formats of weights by name, with the sizes that follow from the name. It loads no torch."""

from dataclasses import dataclass
from typing import Final

from ...store.errors import BadInput, shortened

UNQUANTISED: Final = "none"


@dataclass(frozen=True, slots=True)
class FormatSizes:
    """`bits` of one weight, and the neighbours along K that share a scale.

    `group` is None where a layer chooses its group, and 0 where a scale serves whole rows or all
    weights.
    """

    bits: int
    group: int | None


FORMATS: Final = {
    "int4": FormatSizes(4, None),
    "int4_zeros": FormatSizes(4, None),
    "int8": FormatSizes(8, None),
    "fp8_tensor": FormatSizes(8, 0),
    "fp8_channel": FormatSizes(8, 0),
    "fp8_block": FormatSizes(8, 128),
    "mxfp4": FormatSizes(4, 32),
}
SYMMETRIC: Final = ("int4", "int8")  # whole numbers without zero points

_LACKING: Final = {
    "nvfp4": "a scale of e4m3 for 16 weights, and one for the tensor, in _as_scale",
    "nf4": "16 values by a table in fragment.py, and scales that are quantised themselves",
    "mxfp6": "6-bit codes, which cross the bounds of words",
    "mxfp8": "scales of e8m0 for e4m3 in packing.py and _as_scale",
    "fp8_e5m2": "a FloatCode and a plain reading in fragment.py",
}


def sizes_of(name: str) -> FormatSizes:
    """The sizes of a format. Raises BadInput for an unknown one, saying what it would need."""
    if name in FORMATS:
        return FORMATS[name]
    raise BadInput(
        f"there is no kernel for weights of {shortened(repr(name))}",
        hint=f"known: {', '.join(FORMATS)}" + (f"; {lacking(name)}" if name in _LACKING else ""),
    )


def lacking(name: str) -> str:
    """What a known format without a kernel would need, as a sentence without its full stop."""
    return f"{name} would need {_LACKING[name]}"
