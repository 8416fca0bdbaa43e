"""Quantised weights: their packed layout, packing and dequantisation.

A weight is (q - zero) * scale. q is an integer of `bits` bits, 0..15 or 0..255; zero is 8 or 128
unless zero points are given; `group` neighbours along K share one scale and one zero point.

    q       int    [N, K]
    packed  int32  [ceil(N / 16), ceil(K / 64), 32, bits]
    scales  float  [K / group, N]
    zeros   float  [K / group, N], integral or not

N is the number of outputs and K the number of inputs of the linear layer. Both are padded to whole
slabs with weights whose q is the default zero.

The layout is that of the tensor core's A operand (mma.m16n8k16), so that no weight moves between
threads. A slab is 16 outputs by 64 inputs. Each of 32 lanes has 16 bytes of it (32 with 8 bits) in
one piece. Lane l holds outputs l / 4 and l / 4 + 8 and, in each of the slab's four tiles of 16
inputs, the inputs 2 (l % 4) + {0, 1, 8, 9}. These are eight weights per tile, numbered
j = c + 2 r + 4 h for input 2 (l % 4) + c + 8 h of output l / 4 + 8 r.

    4 bits  word t of a lane is tile t. Weight j is in nibble [0, 4, 1, 5, 2, 6, 3, 7][j], so that
            one mask extracts two neighbours along K into the two halves of a register
    8 bits  words 2 t (j < 4) and 2 t + 1 (j >= 4) of a lane are tile t. Weight j is in byte
            [0, 2, 1, 3][j % 4], as q - 128 in two's complement

Weights may be floating-point codes in the same places (tiling/codes.py): e2m1 of 4 bits, and e4m3
of 8 bits, whose bits are stored as they are. Then 16 divides N, there are no zero points, and one
scale serves `group` inputs of `span` outputs, [K / group, N / span]: float32 for e4m3, and for e2m1
the exponent of a power of 2 in uint8, biased by 127 (e8m0; 1..254).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from ..store.errors import BadInput
from .tiling.codes import FLOAT_CODES, INTEGER

SLAB_N, SLAB_K = 16, 64  # outputs and inputs of one slab
LANES = 32
ORDER = {
    4: (0, 4, 1, 5, 2, 6, 3, 7),
    8: (0, 2, 1, 3),
}  # place of weight j in its word
_FLIP = {4: 0, 8: 128}  # stored bits are q XOR this
# torch computes no minimum of wide unsigned integers. Read as signed, large values are negative.
_READ_AS = {
    dtype: dtype for dtype in (torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)
}
_READ_AS |= {torch.uint16: torch.int16, torch.uint32: torch.int32, torch.uint64: torch.int64}


def packed_shape(outputs: int, inputs: int, bits: int) -> tuple[int, int, int, int]:
    """Shape of the packed int32 weights of a layer [outputs, inputs]."""
    return -(-outputs // SLAB_N), -(-inputs // SLAB_K), LANES, bits


def pack(q: torch.Tensor, bits: int = 4) -> torch.Tensor:
    """Pack integers 0..2^bits - 1 [N, K] into int32 [ceil(N / 16), ceil(K / 64), 32, bits].

    Raises BadInput if bits is neither 4 nor 8, q is no integer matrix, or a value is out of range.
    """
    _check_bits(bits)
    if q.dim() != 2 or q.dtype not in _READ_AS:
        raise BadInput(f"q must be integers [N, K], not {q.dtype} {list(q.shape)}")
    signed = q.view(_READ_AS[q.dtype])
    # Compared as Python integers, because 1 << bits does not fit uint8.
    if q.numel() and not 0 <= int(signed.min()) <= int(signed.max()) < 1 << bits:
        raise BadInput(f"q must be integers of 0..{(1 << bits) - 1}")
    by_word = _by_word(signed, bits)
    packed = torch.zeros(by_word.shape[:4], dtype=torch.int32, device=q.device)
    for place, weights in zip(ORDER[bits], by_word.unbind(dim=4), strict=True):
        packed |= (weights ^ _FLIP[bits]).to(torch.int32) << bits * place
    return packed


def pack_codes(codes: torch.Tensor, bits: int) -> torch.Tensor:
    """Pack the bits of floating-point codes [N, K], 16 | N, as they are; as `pack` otherwise."""
    return pack(codes ^ _FLIP[bits], bits)


def unpack(packed: torch.Tensor, shape: Sequence[int]) -> torch.Tensor:
    """Undo `pack`: return q as uint8 of `shape` [N, K].

    Raises BadInput as `bits_of` does.
    """
    bits = bits_of(packed, shape)
    blocks, slabs = packed.shape[:2]
    by_word = torch.empty((*packed.shape, 32 // bits), dtype=torch.uint8, device=packed.device)
    for j, place in enumerate(ORDER[bits]):
        by_word[..., j] = packed >> bits * place & (1 << bits) - 1
    by_word ^= _FLIP[bits]
    by_lane = by_word.view(blocks, slabs, 8, 4, 4, 2, 2, 2)
    padded = by_lane.permute(0, 6, 2, 1, 4, 5, 3, 7).reshape(blocks * SLAB_N, slabs * SLAB_K)
    return padded[: shape[0], : shape[1]]


@dataclass(frozen=True, slots=True)
class Layout:
    """A linear layer on packed weights as its tensors show it: N `outputs`, `bits` per weight.

    One scale serves `group` neighbours along K, of `span` neighbouring outputs.
    """

    outputs: int
    bits: int
    group: int
    span: int = 1


def outputs_of(packed: torch.Tensor, scales: torch.Tensor, codes: str) -> int:
    """N of a layer; of floating-point codes the scales do not show it, and 16 divides it."""
    return scales.shape[-1] if codes == INTEGER else SLAB_N * packed.shape[-4]


def layout_of(
    packed: torch.Tensor,
    scales: torch.Tensor,
    inputs: int,
    zeros: torch.Tensor | None = None,
    codes: str = INTEGER,
) -> Layout:
    """Return the layout of weights with K = inputs.

    Raises BadInput as `group_size` does; for floating-point codes also if there are zero points, if
    the bits of `packed` are not those of the code, or `scales` do not divide N and K evenly.
    """
    if codes == INTEGER:
        group = group_size(packed, scales, inputs, zeros)
        return Layout(scales.shape[1], packed.shape[-1], group)
    if codes not in FLOAT_CODES:
        raise BadInput(f"codes is {codes!r}", hint=f"known: {', '.join((INTEGER, *FLOAT_CODES))}")
    if zeros is not None:
        raise BadInput(f"weights of {codes} have no zero points", hint="leave zeros out")
    outputs = outputs_of(packed, scales, codes)
    if bits_of(packed, (outputs, inputs)) != FLOAT_CODES[codes].bits:
        raise BadInput(f"packed holds {packed.shape[-1]} bits a weight, and {codes} has another")
    _check_block_scales(scales, codes, outputs, inputs)
    groups, spans = scales.shape
    return Layout(outputs, packed.shape[-1], inputs // groups, outputs // spans)


def _check_block_scales(scales: torch.Tensor, codes: str, outputs: int, inputs: int) -> None:
    exponents = codes == "e2m1"
    fits = scales.dim() == 2 and 0 not in scales.shape
    fits = fits and inputs % (8 * scales.shape[0]) == outputs % scales.shape[1] == 0
    kinds = (torch.uint8,) if exponents else (torch.float32, torch.float64)
    if not fits or scales.dtype not in kinds:
        kind = "uint8" if exponents else "float32"
        raise BadInput(
            f"scales of {codes} must be {kind} [K / group, N / span] that divide N = {outputs} and"
            f" K = {inputs} evenly, not {scales.dtype} {list(scales.shape)}"
        )


def dequantise(
    packed: torch.Tensor,
    scales: torch.Tensor,
    inputs: int,
    zeros: torch.Tensor | None = None,
    codes: str = INTEGER,
    dtype: torch.dtype | None = None,
) -> torch.Tensor:
    """Return the weights (q - zero) * scale, or code * scale, [N, K = inputs].

    They are of `dtype`, or of that of `scales`. q - zero is exact for integral zero points, so each
    weight is rounded once. Raises BadInput as `layout_of` does.
    """
    layout = layout_of(packed, scales, inputs, zeros, codes)
    q = unpack(packed, (layout.outputs, inputs))
    if codes != INTEGER:
        return _decoded(q, scales, layout, codes, dtype or scales.dtype)
    weight = q.to(scales.dtype).view(layout.outputs, -1, layout.group)
    weight -= middle(packed) if zeros is None else zeros.T[:, :, None]
    weight *= scales.T[:, :, None]
    return weight.flatten(1).to(dtype)


def _decoded(
    q: torch.Tensor, scales: torch.Tensor, layout: Layout, codes: str, dtype: torch.dtype
) -> torch.Tensor:
    """Codes as `unpack` gives them, times their scales: [N, K] of `dtype`."""
    exact = torch.float64 if dtype == torch.float64 else torch.float32
    stored = q ^ _FLIP[layout.bits]
    if codes == "e4m3":
        weight = stored.view(torch.float8_e4m3fn).to(exact)
    else:  # read as e4m3, with exponent and significand two bits further left, it is 1/64
        wider = (stored & 8) << 4 | (stored & 7) << 2
        weight = wider.view(torch.float8_e4m3fn).to(exact).mul_(64)
        scales = torch.ldexp(torch.ones_like(scales, dtype=exact), scales.int() - 127)
    blocks = weight.view(scales.shape[1], layout.span, scales.shape[0], layout.group)
    blocks *= scales.T[:, None, :, None].to(exact)
    return weight.to(dtype)


def middle(packed: torch.Tensor) -> int:
    """The q of weight 0 if there are no zero points: 8 or 128."""
    return int(1 << (packed.shape[-1] - 1))


def bits_of(packed: torch.Tensor, shape: Sequence[int]) -> int:
    """Return the bits per weight, from the packed shape.

    Raises BadInput if `shape` is not [N, K], or `packed` is not int32
    [ceil(N / 16), ceil(K / 64), 32, 4 or 8].
    """
    if len(shape) != 2:
        raise BadInput(f"shape must be [N, K], not {list(shape)}")
    outputs, inputs = shape
    expected = [packed_shape(outputs, inputs, bits) for bits in (4, 8)]
    if packed.dtype != torch.int32 or tuple(packed.shape) not in expected:
        raise BadInput(
            f"packed must be int32 {list(expected[0])} for 4-bit weights [{outputs}, {inputs}], or"
            f" {list(expected[1])} for 8-bit ones, not {packed.dtype} {list(packed.shape)}",
            hint="pack(q, bits) makes it",
        )
    return int(packed.shape[-1])


def group_size(
    packed: torch.Tensor, scales: torch.Tensor, inputs: int, zeros: torch.Tensor | None = None
) -> int:
    """Return the group size, from the shapes of scales [K / group, N] and K = inputs.

    Raises BadInput if `scales` is not floating point, the group is no multiple of 8 that divides K,
    `packed` or `zeros` does not fit `scales`, or they are on different devices.
    """
    if scales.dim() != 2 or not scales.is_floating_point() or 0 in scales.shape:
        raise BadInput(
            f"scales must be floating point [K / group, N], not {scales.dtype} {list(scales.shape)}"
        )
    groups, outputs = scales.shape
    if inputs % (8 * groups):
        raise BadInput(
            f"scales {list(scales.shape)} do not fit K = {inputs}: they must be [K / group, N]"
            " with a group that divides K and is a multiple of 8"
        )
    bits_of(packed, (outputs, inputs))
    if zeros is not None and (zeros.dtype, zeros.shape) != (scales.dtype, scales.shape):
        raise BadInput(
            f"zeros must be {scales.dtype} {list(scales.shape)} as scales are,"
            f" not {zeros.dtype} {list(zeros.shape)}"
        )
    for name, tensor in (("scales are", scales), ("zeros are", zeros)):
        if tensor is not None and tensor.device != packed.device:
            raise BadInput(
                f"{name} on {tensor.device} and packed on {packed.device}",
                hint="move all to one device",
            )
    return inputs // groups


def _check_bits(bits: int) -> None:
    if type(bits) is not int or bits not in ORDER:
        raise BadInput(f"bits is {bits!r}, and must be 4 or 8")


def _by_word(q: torch.Tensor, bits: int) -> torch.Tensor:
    """Pad q and reorder it by slab, lane, word and j: uint8 [.., .., 32, bits, 32 / bits]."""
    blocks, slabs, lanes, words = packed_shape(q.shape[0], q.shape[1], bits)
    shape = (blocks * SLAB_N, slabs * SLAB_K)
    padded = torch.full(shape, 1 << (bits - 1), dtype=torch.uint8, device=q.device)
    padded[: q.shape[0], : q.shape[1]] = q
    # n16 r row | k64 tile h column c -> n16 k64 | row column = lane | tile | h r c = j
    by_lane = padded.view(blocks, 2, 8, slabs, 4, 2, 4, 2).permute(0, 3, 2, 6, 4, 5, 1, 7)
    return by_lane.reshape(blocks, slabs, lanes, words, 32 // bits)
