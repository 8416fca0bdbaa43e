"""Which weights an operation was measured with: their bits and their format."""

from collections.abc import Sequence
from dataclasses import dataclass
from types import NoneType
from typing import Final

import numpy as np

from ..kernels.formats.names import FORMATS, UNQUANTISED, sizes_of
from ..store.cost_model import FittedOp
from ..store.errors import BadInput, check_type
from ..store.text.listed import listed
from .curve.costs import CurveCosts

DTYPE_BITS: Final = {"float32": 32, "bfloat16": 16, "float16": 16}


@dataclass(frozen=True, slots=True)
class WeightChoice:
    """The weights that are asked for; None is any.

    `bits` of weights that are not quantised are those of the dtype; their `format` is "none", and
    others are named as in kernels/formats/names.py. Raises BadInput for a format that is unknown.
    """

    bits: int | None = None
    format: str | None = None

    def __post_init__(self) -> None:
        check_type("weight_bits", self.bits, int, np.integer, NoneType)
        check_type("weight_format", self.format, str, NoneType)
        if self.format not in (None, UNQUANTISED):
            sizes_of(self.format)

    def fits(self, fitted: FittedOp) -> bool:
        """Whether an operation was measured with such weights."""
        has_bits = self.bits in (None, weight_bits_of(fitted))
        return has_bits and self.format in (None, weight_format_of(fitted))

    def among(self, name: str, found: Sequence[CurveCosts]) -> list[CurveCosts]:
        """The curves with such weights. Raises BadInput, listing what there is, for none."""
        fitting = [costs for costs in found if self.fits(costs.curve)]
        if not fitting:
            raise self.refusal(name, [costs.curve for costs in found])
        return fitting

    def refusal(self, name: str, measured: Sequence[FittedOp]) -> BadInput:
        """An operation that was not measured with such weights, and those that it was with."""
        if self.format is None:
            known = listed(sorted({weight_bits_of(one) for one in measured}))
            return BadInput(f"{name} was measured with weights of {known} bits, not {self.bits}")
        formats = sorted({weight_format_of(one) for one in measured})
        if formats == [UNQUANTISED]:
            return BadInput(
                f"--weight-format is for quantised weights, and {name} was measured with none",
                hint="leave it out",
            )
        bits = "" if self.bits is None else f" of {self.bits} bits"
        return BadInput(
            f"{name} was measured with the formats {listed(formats)}, not {self.format}{bits}"
        )


ANY_WEIGHTS: Final = WeightChoice()


def weight_bits_of(fitted: FittedOp) -> int:
    """The bits of a weight: those of the dtype where weights are not quantised."""
    return fitted.weight_bits or DTYPE_BITS.get(fitted.dtype, 0)


def weight_format_of(fitted: FittedOp) -> str:
    """The format of weights: whole numbers where the variant names none."""
    first = (fitted.variant or "").partition(".")[0]
    if first in FORMATS:
        return first
    return UNQUANTISED if fitted.weight_bits is None else f"int{fitted.weight_bits}"
