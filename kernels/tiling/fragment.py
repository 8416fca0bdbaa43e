"""Unpack words into weights in registers: the inner step of every kernel on packed weights.

A word holds 8 weights of 4 bits or 4 of 8 bits. They are unpacked in pairs: a mask extracts two
neighbours along K into the two halves of a register, an OR adds the exponent of a power of 2 to
each half, and one subtraction gives q - zero exactly. That is 11 instructions for 8 weights of 4
bits, without integer conversions. `unpacking` writes the PTX; `_plain_*` do the same in Triton for
the interpreter and for float32. packing.py describes the layout.
"""

from __future__ import annotations

from typing import Any

import torch

from ..backend import interprets, jit, tl
from .codes import FLOAT_CODES, INTEGER

# Two 16-bit floats 2^n in one word, n the bits of the significand: the lowest bit is worth 1.
_BASE = {"bf16": 0x43004300, "f16": 0x64006400}
_AND_OR, _AND_XOR = 0xEA, 0x6A  # lop3: (a & b) | c, (a & b) ^ c
_FLOATS = {"bf16": (7, 127), "f16": (10, 15)}  # bits of the significand, bias of the exponent
_CONSTANTS = {  # factor and summand of the multiply-add, each twice in a word
    ("bf16", 4): (0x3F803F80, 0xC308C308),  # 1, -(128 + 8)
    ("bf16", 8): (0xBF80BF80, 0),  # -1, none
    ("f16", 4): (0x3C003C00, 0xE408E408),  # 1, -(1024 + 8)
    ("f16", 8): (0x3C003C00, 0xE480E480),  # 1, -(1024 + 128)
}


def unpacking(bits: int, kind: str, codes: str = INTEGER) -> str:
    """PTX that unpacks the word in its last operand into 32 / bits values q - zero, or codes.

    `kind` is their type, bf16 or f16. A fused multiply-add subtracts, or scales, because sm_80 has
    no bf16 subtraction and no product of pairs.
    """
    per_word = 32 // bits
    factor, summand = _CONSTANTS[kind, bits] if codes == INTEGER else _factor(kind, codes)
    lines = [
        ".reg .b32 w, a, b, f, s;",
        f"mov.b32 f, {factor:#010x};",
        f"mov.b32 s, {summand:#010x};",
    ]
    for pair in range(per_word // 2):
        word, place = f"${per_word}", bits * pair
        if codes == INTEGER:
            if pair:
                lines.append(f"shr.u32 w, {word}, {place};")
                word = "w"
            lines += _pair(bits, kind, word)
        else:
            lines += _float_pair(kind, codes, word, place)
        lines.append(f"mov.b32 {{${2 * pair}, ${2 * pair + 1}}}, a;")
    return "{ " + " ".join(lines) + " }"


def _factor(kind: str, codes: str) -> tuple[int, int]:
    """The power of 2 between the exponents of a code and of `kind`, and -0; each twice in a word.

    Subnormal codes become subnormal numbers, which the multiply-add takes exactly.
    """
    significand, bias = _FLOATS[kind]
    field = 2 * bias - FLOAT_CODES[codes].bias << significand
    return field << 16 | field, 0x80008000


def _float_pair(kind: str, codes: str, word: str, place: int) -> list[str]:
    """PTX that sets register a to the two codes at bit `place` of the halves of `word`."""
    code = FLOAT_CODES[codes]
    up = _FLOATS[kind][0] - code.significand  # moves exponent and significand to their places
    magnitude = ((1 << code.bits - 1) - 1 << up) * 0x00010001
    sign, signed_by = 0x80008000, 16 - code.bits - place
    lines = [_shift("a", word, up - place), f"and.b32 a, a, {magnitude:#010x};"]
    if signed_by:
        lines.append(_shift("w", word, signed_by))
        word = "w"
    return [*lines, f"lop3.b32 a, {word}, {sign:#010x}, a, {_AND_OR:#04x};",
            f"fma.rn.{kind}x2 a, a, f, s;"]  # fmt: skip


def _shift(to: str, word: str, left: int) -> str:
    return f"shl.b32 {to}, {word}, {left};" if left >= 0 else f"shr.u32 {to}, {word}, {-left};"


def _pair(bits: int, kind: str, word: str) -> list[str]:
    """PTX that sets register a to the two weights in the low bits of the halves of `word`."""
    base = _BASE[kind]
    subtract = f"fma.rn.{kind}x2 a, a, f, s;"
    if bits == 4:
        return [_lop3("a", word, 0x000F000F, base, _AND_OR), subtract]
    if kind == "f16":  # the XOR turns two's complement into 1024 + q
        return [_lop3("a", word, 0x00FF00FF, base ^ 0x00800080, _AND_XOR), subtract]
    # The significand of bf16 holds 7 bits. Bit 8, the sign, sets the exponent: 128 becomes 256.
    return [
        _lop3("a", word, 0x007F007F, base, _AND_OR),
        _lop3("b", word, 0x00800080, base, _AND_OR),
        "fma.rn.bf16x2 a, b, f, a;",
    ]


def _lop3(to: str, word: str, mask: int, other: int, table: int) -> str:
    return f"lop3.b32 {to}, {word}, {mask:#010x}, {other:#010x}, {table:#04x};"


@jit  # type: ignore[untyped-decorator]
def _plain_float(code, SIGN: tl.constexpr, FRACTION: tl.constexpr, BIAS: tl.constexpr):  # type: ignore[no-untyped-def]
    """A floating-point code of int32 as float32; SIGN is its sign bit, FRACTION its significand."""
    magnitude = code & (SIGN - 1)
    exponent = magnitude >> FRACTION
    fraction = (magnitude & ((1 << FRACTION) - 1)).to(tl.float32)
    normal = ((magnitude << (23 - FRACTION)) + ((127 - BIAS) << 23)).to(tl.float32, bitcast=True)
    value = tl.where(exponent == 0, fraction * 2.0 ** (1 - BIAS - FRACTION), normal)
    return tl.where((code & SIGN) != 0, -value, value)


@jit  # type: ignore[untyped-decorator]
def _plain_4(word, place: tl.constexpr, CODES: tl.constexpr, DT: tl.constexpr):  # type: ignore[no-untyped-def]
    code = (word >> (4 * place)) & 0xF
    value = _plain_float(code, 8, 1, 1) if CODES == "e2m1" else (code - 8).to(tl.float32)
    return value.to(DT)


@jit  # type: ignore[untyped-decorator]
def _plain_8(word, place: tl.constexpr, CODES: tl.constexpr, DT: tl.constexpr):  # type: ignore[no-untyped-def]
    code = (word << (24 - 8 * place)) >> 24
    value = _plain_float(code, 128, 3, 7) if CODES == "e4m3" else code.to(tl.float32)
    return value.to(DT)


@jit  # type: ignore[untyped-decorator]
def _pairs_4(word, CODES: tl.constexpr, DT: tl.constexpr, ASM: tl.constexpr):  # type: ignore[no-untyped-def]
    """Words of 8 weights -> weights [..., c, r, h]; plain Triton if ASM is empty."""
    if ASM == "":
        a, b = _plain_4(word, 0, CODES, DT), _plain_4(word, 4, CODES, DT)
        c, d = _plain_4(word, 1, CODES, DT), _plain_4(word, 5, CODES, DT)
        e, f = _plain_4(word, 2, CODES, DT), _plain_4(word, 6, CODES, DT)
        g, h = _plain_4(word, 3, CODES, DT), _plain_4(word, 7, CODES, DT)
    else:
        # pack=1: for larger packs Triton does not specify which outputs belong to which word
        a, b, c, d, e, f, g, h = tl.inline_asm_elementwise(
            ASM,
            "=h,=h,=h,=h,=h,=h,=h,=h,r",
            [word],
            (tl.int16, tl.int16, tl.int16, tl.int16, tl.int16, tl.int16, tl.int16, tl.int16),
            True,
            1,
        )
    w = tl.join(tl.join(tl.join(a, b), tl.join(c, d)), tl.join(tl.join(e, f), tl.join(g, h)))
    return w if ASM == "" else w.to(DT, bitcast=True)


@jit  # type: ignore[untyped-decorator]
def _pairs_8(word, CODES: tl.constexpr, DT: tl.constexpr, ASM: tl.constexpr):  # type: ignore[no-untyped-def]
    """Words of 4 weights -> weights [..., c, r]; plain Triton if ASM is empty."""
    if ASM == "":
        a, b = _plain_8(word, 0, CODES, DT), _plain_8(word, 2, CODES, DT)
        c, d = _plain_8(word, 1, CODES, DT), _plain_8(word, 3, CODES, DT)
    else:
        a, b, c, d = tl.inline_asm_elementwise(
            ASM, "=h,=h,=h,=h,r", [word], (tl.int16, tl.int16, tl.int16, tl.int16), True, 1
        )
    w = tl.join(tl.join(a, b), tl.join(c, d))
    return w if ASM == "" else w.to(DT, bitcast=True)


@jit  # type: ignore[untyped-decorator]
def weights_of(  # type: ignore[no-untyped-def]
    words,  # int32 [BN / 16, BK / 2 * BITS]
    BN: tl.constexpr,
    BK: tl.constexpr,
    BITS: tl.constexpr,
    CODES: tl.constexpr,
    DT: tl.constexpr,
    ASM: tl.constexpr,
):
    """Weights q - zero, or codes, of a tile, [BN, BK] of DT. No weight moves between threads."""
    TILES: tl.constexpr = min(BK // 16, 4)  # tiles of 16 inputs per slab
    SHAPE: tl.constexpr = (BN // 16, BK // 16 // TILES, 8, 4, TILES, 2, 2, 2)
    if BITS == 4:  # n16 k64 row column tile | c r h
        w = tl.reshape(_pairs_4(words, CODES, DT, ASM), SHAPE)
        w = tl.permute(w, (0, 6, 2, 1, 4, 7, 3, 5))
    else:  # n16 k64 row column tile h | c r
        w = tl.reshape(_pairs_8(words, CODES, DT, ASM), SHAPE)
        w = tl.permute(w, (0, 7, 2, 1, 4, 5, 3, 6))
    return tl.reshape(w, (BN, BK))  # n16 r row | k64 tile h column c


def compute_types(dtype: torch.dtype, bits: int, codes: str = INTEGER) -> tuple[Any, str]:
    """Triton type in which a kernel multiplies x of torch `dtype`, and the PTX that unpacks to it.

    The interpreter has wrong bfloat16 arithmetic and no PTX: there the type is float32.
    """
    kinds = {torch.bfloat16: (tl.bfloat16, "bf16"), torch.float16: (tl.float16, "f16")}
    if interprets() or dtype not in kinds:
        return tl.float32, ""
    compute, kind = kinds[dtype]
    return compute, unpacking(bits, kind, codes)


def aligned_rows(x: torch.Tensor) -> torch.Tensor:
    """Return x [tokens, K], copied if its rows are not aligned to 16 bytes; 8 divides K."""
    if x.stride(0) % 8 == 0 and x.data_ptr() % 16 == 0:
        return x
    return x.clone(memory_format=torch.contiguous_format)


def empty_result(x: torch.Tensor, outputs: int) -> torch.Tensor:
    """Allocate a kernel's result, [tokens, outputs] of the dtype of x.

    In the interpreter it is float32, because the interpreter truncates to bfloat16.
    """
    dtype = torch.float32 if interprets() else x.dtype
    return torch.empty((x.shape[0], outputs), dtype=dtype, device=x.device)
