"""A value of an event as the number or text that it should be; None where it is neither.

`msgspec` gives the values with each float of an event's own fields as its text, so that no time
passes through float64: of microseconds since the epoch, a double keeps only quarters.
"""

import json
import math
import re
from decimal import Decimal
from typing import Final

TIME_LIMIT_NS: Final = 3 * 10**18  # the year 2065; the sum of three such times fits int64
_PLAIN: Final = re.compile(r"(-?\d{1,19})\.(\d{1,3})", re.ASCII)
_NUMBER: Final = re.compile(r"\s*([+-]?\d+(?:\.\d*)?(?:[eE][+-]?\d{1,5})?)\s*", re.ASCII)
_AXES: Final = 3


def time_ns(cell: object) -> int | None:
    """Whole ns of a time in microseconds, a number or a text that holds one.

    torch writes three decimals at most; what has more went through a double in another tool, so it
    is rounded to the nearest ns, half to even.
    """
    if type(cell) is str:
        plain = _PLAIN.fullmatch(cell)
        number = Decimal(0) if plain else _decimal(cell)
        if number is None or abs(number) >= TIME_LIMIT_NS:
            return None
        given_ns = int(f"{plain[1]}{plain[2]:0<3}") if plain else round(number * 1000)
    elif type(cell) is int:  # which a bool is not
        given_ns = cell * 1000
    else:
        return None
    return given_ns if abs(given_ns) < TIME_LIMIT_NS else None


def whole_number(cell: object) -> int | None:
    """An int64: an integer, or a float or text that holds a whole number."""
    if type(cell) is str:
        number = _decimal(cell)
        if number is None or abs(number) >= 2**63 or number != int(number):
            return None
        cell = int(number)
    elif type(cell) is float and cell.is_integer():
        cell = int(cell)
    return cell if type(cell) is int and -(2**63) <= cell < 2**63 else None


def int32(cell: object) -> int | None:
    """A whole number that a column of 32 bits holds."""
    number = whole_number(cell)
    return number if number is not None and -(2**31) <= number < 2**31 else None


def finite_number(cell: object) -> float | None:
    """A float that is finite, from a number or a text that holds one."""
    if isinstance(cell, str):
        number = _decimal(cell)
        return None if number is None else finite_number(float(number))
    if isinstance(cell, int | float) and not isinstance(cell, bool) and abs(cell) < 2**63:
        return float(cell) if math.isfinite(cell) else None
    return None


def axes(cell: object) -> list[int] | None:
    """The sizes along x, y and z: a list of three whole numbers, or a text that holds one."""
    if isinstance(cell, str):
        try:
            cell = json.loads(cell)
        except (ValueError, RecursionError):
            return None
    if not isinstance(cell, list) or len(cell) != _AXES:
        return None
    sizes = [int32(size) for size in cell]
    return [size for size in sizes if size is not None] if None not in sizes else None


def _decimal(text: str) -> Decimal | None:
    number = _NUMBER.fullmatch(text)
    return Decimal(number[1]) if number else None
