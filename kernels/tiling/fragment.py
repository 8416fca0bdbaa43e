"""Packed words to weights in registers: the inner step of every kernel on quantised weights.

One word becomes 8 weights of 4 bits, or 4 of 8 bits, two at a time: a mask lifts two neighbours
along K into the two halves of a register, an OR puts the exponent of a power of 2 above each, and
one subtraction leaves q - zero exactly. That takes 11 instructions for 8 weights of 4 bits, and no
conversion of integers. `unpacking` writes it in PTX; `_plain_*` are its twins in Triton, for the
interpreter and for float32. packing.py describes the layout.
"""

from __future__ import annotations

from typing import Any

import torch

from ..backend import interprets, jit, tl

# Two 16-bit numbers 2^n in one word, n the bits of the significand: its low bits count in ones.
_BASE = {"bf16": 0x43004300, "f16": 0x64006400}
_AND_OR, _AND_XOR = 0xEA, 0x6A  # lop3: (a & b) | c, (a & b) ^ c
_CONSTANTS = {  # factor and summand of the subtraction, twice in a word
    ("bf16", 4): (0x3F803F80, 0xC308C308),  # 1, -(128 + 8)
    ("bf16", 8): (0xBF80BF80, 0),  # -1, none
    ("f16", 4): (0x3C003C00, 0xE408E408),  # 1, -(1024 + 8)
    ("f16", 8): (0x3C003C00, 0xE480E480),  # 1, -(1024 + 128)
}


def unpacking(bits: int, kind: str) -> str:
    """PTX that turns word ${last} into 32 / bits numbers q - zero of `kind`, bf16 or f16.

    The fused multiply-add stands for a subtraction, which sm_80 does not have in bf16.
    """
    per_word = 32 // bits
    factor, summand = _CONSTANTS[kind, bits]
    lines = [
        ".reg .b32 w, a, b, f, s;",
        f"mov.b32 f, {factor:#010x};",
        f"mov.b32 s, {summand:#010x};",
    ]
    for pair in range(per_word // 2):
        word = f"${per_word}"
        if pair:
            lines.append(f"shr.u32 w, {word}, {bits * pair};")
            word = "w"
        lines += _pair(bits, kind, word)
        lines.append(f"mov.b32 {{${2 * pair}, ${2 * pair + 1}}}, a;")
    return "{ " + " ".join(lines) + " }"


def _pair(bits: int, kind: str, word: str) -> list[str]:
    """Register a becomes the two weights in the low bits of the halves of `word`."""
    base = _BASE[kind]
    subtract = f"fma.rn.{kind}x2 a, a, f, s;"
    if bits == 4:
        return [_lop3("a", word, 0x000F000F, base, _AND_OR), subtract]
    if kind == "f16":  # the XOR undoes the two's complement: 1024 + q
        return [_lop3("a", word, 0x00FF00FF, base ^ 0x00800080, _AND_XOR), subtract]
    # bf16 counts 7 bits in ones. The eighth, the sign, lies in the exponent: 128 becomes 256.
    return [
        _lop3("a", word, 0x007F007F, base, _AND_OR),
        _lop3("b", word, 0x00800080, base, _AND_OR),
        "fma.rn.bf16x2 a, b, f, a;",
    ]


def _lop3(to: str, word: str, mask: int, other: int, table: int) -> str:
    return f"lop3.b32 {to}, {word}, {mask:#010x}, {other:#010x}, {table:#04x};"


@jit  # type: ignore[untyped-decorator]
def _plain_4(word, place: tl.constexpr, DT: tl.constexpr):  # type: ignore[no-untyped-def]
    return (((word >> (4 * place)) & 0xF) - 8).to(tl.float32).to(DT)


@jit  # type: ignore[untyped-decorator]
def _plain_8(word, place: tl.constexpr, DT: tl.constexpr):  # type: ignore[no-untyped-def]
    return ((word << (24 - 8 * place)) >> 24).to(tl.float32).to(DT)


@jit  # type: ignore[untyped-decorator]
def _pairs_4(word, DT: tl.constexpr, ASM: tl.constexpr):  # type: ignore[no-untyped-def]
    """Words of 8 weights -> weights [..., c, r, h]; ASM "" asks for plain Triton."""
    if ASM == "":
        a, b = _plain_4(word, 0, DT), _plain_4(word, 4, DT)
        c, d = _plain_4(word, 1, DT), _plain_4(word, 5, DT)
        e, f = _plain_4(word, 2, DT), _plain_4(word, 6, DT)
        g, h = _plain_4(word, 3, DT), _plain_4(word, 7, DT)
    else:
        # pack=1: which outputs come of which word is specified, as it is not for larger packs
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
def _pairs_8(word, DT: tl.constexpr, ASM: tl.constexpr):  # type: ignore[no-untyped-def]
    """Words of 4 weights -> weights [..., c, r]; ASM "" asks for plain Triton."""
    if ASM == "":
        a, b = _plain_8(word, 0, DT), _plain_8(word, 2, DT)
        c, d = _plain_8(word, 1, DT), _plain_8(word, 3, DT)
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
    DT: tl.constexpr,
    ASM: tl.constexpr,
):
    """Give the weights q - zero of a tile, [BN, BK] of DT; nothing moves between threads."""
    TILES: tl.constexpr = min(BK // 16, 4)  # of a slab
    SHAPE: tl.constexpr = (BN // 16, BK // 16 // TILES, 8, 4, TILES, 2, 2, 2)
    if BITS == 4:  # n16 k64 row column tile | c r h
        w = tl.reshape(_pairs_4(words, DT, ASM), SHAPE)
        w = tl.permute(w, (0, 6, 2, 1, 4, 7, 3, 5))
    else:  # n16 k64 row column tile h | c r
        w = tl.reshape(_pairs_8(words, DT, ASM), SHAPE)
        w = tl.permute(w, (0, 7, 2, 1, 4, 5, 3, 6))
    return tl.reshape(w, (BN, BK))  # n16 r row | k64 tile h column c


def compute_types(dtype: torch.dtype, bits: int) -> tuple[Any, str]:
    """Type in which a kernel multiplies x of a torch `dtype`, and the PTX that unpacks for it.

    The interpreter computes bfloat16 wrongly and knows no PTX: there all is float32.
    """
    kinds = {torch.bfloat16: (tl.bfloat16, "bf16"), torch.float16: (tl.float16, "f16")}
    if interprets() or dtype not in kinds:
        return tl.float32, ""
    compute, kind = kinds[dtype]
    return compute, unpacking(bits, kind)


def aligned_rows(x: torch.Tensor) -> torch.Tensor:
    """Give x with rows that can be copied 16 bytes at a time: K is a multiple of 8."""
    if x.stride(0) % 8 == 0 and x.data_ptr() % 16 == 0:
        return x
    return x.clone(memory_format=torch.contiguous_format)


def empty_result(x: torch.Tensor, outputs: int) -> torch.Tensor:
    """Allocate what a kernel writes, [tokens, outputs] of the dtype of x.

    In the interpreter it is float32, because that cuts bfloat16 off instead of rounding it.
    """
    dtype = torch.float32 if interprets() else x.dtype
    return torch.empty((x.shape[0], outputs), dtype=dtype, device=x.device)
