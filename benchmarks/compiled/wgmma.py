"""Whether a main loop rewrites registers that a wgmma in flight may still read.

A wgmma reads its first factor from registers while later instructions run. They may be written
again only after a wait that covers the wgmma: before it, accessing them is undefined (PTX ISA,
"wgmma.wait_group"). Triton 3.6 and 3.7 leave groups in flight over the end of an iteration and
rewrite their registers in the next one (triton issue 9433).
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final

_WGMMA: Final = re.compile(r"HGMMA\.\S+ R\d+, R(\d+),")  # the first factor in registers
_FACTOR_REGISTERS: Final = 4  # 64 x 16 values of 16 bits over 128 threads
_ENDS_GROUP: Final = ", gsb0"
_WAIT: Final = re.compile(r"WARPGROUP\.DEPBAR\.LE gsb0, 0x([0-9a-f]+)")
_WRITTEN: Final = re.compile(r"\S+ (?:U?P\w+, )*R(\d+)\b")
# Their first register is read, or is written in order with the products.
_READ_FIRST: Final = (
    "ST",
    "RED",
    "ATOM",
    "BAR",
    "LDGSTS",
    "R2UR",
    "R2P",
    "HGMMA",
    "ISETP",
    "FSETP",
)
_QUADRUPLE: Final = re.compile(r"\.128|88\.4")
_DOUBLE: Final = re.compile(r"\.64|\.WIDE|88\.2")


def rewritten_factors(loop: Sequence[str]) -> list[str]:
    """Find the wgmmas of a loop whose first factor is rewritten before a wait covers them.

    `loop` holds the instructions of one iteration as nvdisasm names them, in order. Each wgmma is
    followed to its own place in the next iteration.
    """
    return [
        text
        for place, text in enumerate(loop)
        if (factor := _WGMMA.match(text))
        and _is_rewritten(int(factor[1]), [*loop[place:], *loop[:place]])
    ]


def _is_rewritten(first: int, later: Sequence[str]) -> bool:
    """Whether registers from `first` on are written while the first of `later` may read them."""
    factor, groups = set(range(first, first + _FACTOR_REGISTERS)), 0
    for place, text in enumerate(later):
        groups += text.startswith("HGMMA") and text.endswith(_ENDS_GROUP)
        if (wait := _WAIT.match(text)) and groups > int(wait[1], 16):
            return False
        if place and not factor.isdisjoint(_written(text)):
            return True
    return False


def _written(text: str) -> Iterator[int]:
    """Registers that an instruction writes."""
    found = _WRITTEN.match(text)
    if found and not text.startswith(_READ_FIRST):
        opcode, first = text.partition(" ")[0], int(found[1])
        width = 4 if _QUADRUPLE.search(opcode) else 2 if _DOUBLE.search(opcode) else 1
        yield from range(first, first + width)
