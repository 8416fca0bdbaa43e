"""Parse batch sizes: `1..512`, `1..512:8`, `1,2,4`, `pow2:1..512`, and combinations by comma."""

import re

from ..store.errors import BadInput

_MAX_SIZES = 1_000_000
_LARGEST = 999_999_999
_GOOD = "write sizes such as 1..512, 1..512:8, 1,2,4 or pow2:1..512"
_TOKEN = re.compile(
    r"(?P<pow2>pow2:)?(?P<first>[0-9]+)(?:\.\.(?P<last>[0-9]+)(?::(?P<step>[0-9]+))?)?"
)


def parse_batch_sizes(text: str) -> tuple[int, ...]:
    """Return the batch sizes, sorted and without duplicates.

    `1..512` includes both ends; `1..512:8` is every 8th size from 1 on, so it has 512 only if a
    step reaches it; `pow2:1..512` is the powers of 2 in the range. Raises BadInput, naming the
    wrong part.
    """
    sizes: set[int] = set()
    for token in text.split(","):
        sizes.update(_sizes_of(token.strip()))
        if len(sizes) > _MAX_SIZES:
            raise BadInput(f"{text!r} holds more than {_MAX_SIZES:,} batch sizes", hint=_GOOD)
    return tuple(sorted(sizes))


def _sizes_of(token: str) -> range | list[int]:
    match = _TOKEN.fullmatch(token)
    if match is None or (match["pow2"] and (match["last"] is None or match["step"])):
        raise BadInput(f"{token!r} is no batch size", hint=_GOOD)
    first = _number(match["first"], token)
    last = first if match["last"] is None else _number(match["last"], token)
    step = 1 if match["step"] is None else _number(match["step"], token)
    if last < first:
        raise BadInput(f"the range {token!r} runs backwards", hint=f"write {last}..{first}")
    if match["pow2"]:
        return _powers_of_2(first, last, token)
    sizes = range(first, last + 1, step)
    if len(sizes) > _MAX_SIZES:
        raise BadInput(f"{token!r} holds more than {_MAX_SIZES:,} batch sizes", hint=_GOOD)
    return sizes


def _number(digits: str, token: str) -> int:
    # Digits are counted first, because int() refuses strings of thousands of digits.
    number = int(digits) if len(digits) <= len(str(_LARGEST)) else _LARGEST + 1
    if not 1 <= number <= _LARGEST:
        raise BadInput(f"{token!r} has a number outside 1..{_LARGEST}", hint=_GOOD)
    return number


def _powers_of_2(first: int, last: int, token: str) -> list[int]:
    powers = [1 << n for n in range(last.bit_length()) if first <= 1 << n <= last]
    if not powers:
        raise BadInput(f"there is no power of 2 in {token!r}", hint=_GOOD)
    return powers
