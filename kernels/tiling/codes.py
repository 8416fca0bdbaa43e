"""Small floating-point numbers in which weights are stored: their bits, and what they stand for.

    e4m3   8 bits: sign, 4 of exponent (bias 7), 3 of significand; no infinity, NaN at 0x7F and 0xFF
           (OCP 8-bit Floating Point Specification, version 1.0; float8_e4m3fn of torch)
    e2m1   4 bits: sign, 2 of exponent (bias 1), 1 of significand: 0, 0.5, 1, 1.5, 2, 3, 4, 6
           (OCP Microscaling Formats, version 1.0, section 5.3.3)

An exponent of 0 is a subnormal number, as in IEEE 754.
"""

from dataclasses import dataclass
from functools import cache
from typing import Final

import torch

INTEGER: Final = "integer"  # codes that are whole numbers, read as q - zero


@dataclass(frozen=True, slots=True)
class FloatCode:
    """A code of `bits` bits: a sign, an exponent, and a significand of `significand` bits."""

    bits: int
    significand: int
    bias: int
    largest: float


FLOAT_CODES: Final = {
    "e4m3": FloatCode(bits=8, significand=3, bias=7, largest=448.0),
    "e2m1": FloatCode(bits=4, significand=1, bias=1, largest=6.0),
}


@cache
def _values(codes: str) -> tuple[float, ...]:
    """What each code stands for, from code 0 on."""
    code = FLOAT_CODES[codes]
    found = []
    for magnitude in range(1 << (code.bits - 1)):
        exponent, fraction = divmod(magnitude, 1 << code.significand)
        whole = fraction + (1 << code.significand if exponent else 0)
        found.append(whole * 2.0 ** (max(exponent, 1) - code.bias - code.significand))
    if codes == "e4m3":
        found[-1] = float("nan")
    return tuple(found + [-value for value in found])


def values_of(codes: str, device: torch.device, dtype: torch.dtype) -> torch.Tensor:
    """What each code stands for, from code 0 on: [2 ^ bits] of `dtype`, which holds all exactly."""
    return torch.tensor(_values(codes), dtype=dtype, device=device)
