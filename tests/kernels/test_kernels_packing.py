"""The packed layout against its documentation, unpacking, and refusals."""

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from moeprof.kernels.packing import dequantise, group_size, pack, packed_shape, unpack
from moeprof.store.errors import BadInput

PACKED = torch.zeros(1, 1, 32, 4, dtype=torch.int32)  # 16 outputs, 64 inputs
SCALES = torch.ones(2, 16)


def a_single(n: int, k: int, bits: int) -> torch.Tensor:
    """Packed weights of which only that of output n and input k has other bits than `zero`."""
    q = torch.full((16, 64), 1 << (bits - 1))
    q[n, k] ^= 1
    return (pack(q, bits) ^ pack(torch.full((16, 64), 1 << (bits - 1)), bits)).flatten()


@pytest.mark.parametrize(
    ("n", "k", "lane", "tile", "nibble"),
    [(0, 0, 0, 0, 0), (0, 1, 0, 0, 4), (8, 0, 0, 0, 1), (0, 8, 0, 0, 2), (9, 63, 7, 3, 7)],
)
def test_a_weight_of_4_bits_is_at_the_documented_place(
    n: int, k: int, lane: int, tile: int, nibble: int
) -> None:
    words = a_single(n, k, 4)
    assert words.nonzero().flatten().tolist() == [4 * lane + tile]
    assert words[4 * lane + tile].item() == 1 << 4 * nibble


@pytest.mark.parametrize(
    ("n", "k", "lane", "word", "byte"),
    [(0, 0, 0, 0, 0), (0, 1, 0, 0, 2), (8, 0, 0, 0, 1), (0, 8, 0, 1, 0), (1, 16, 4, 2, 0)],
)
def test_a_weight_of_8_bits_is_at_the_documented_place(
    n: int, k: int, lane: int, word: int, byte: int
) -> None:
    words = a_single(n, k, 8)
    assert words.nonzero().flatten().tolist() == [8 * lane + word]
    assert words[8 * lane + word].item() == 1 << 8 * byte


@settings(max_examples=20)
@given(st.sampled_from([4, 8]), st.integers(1, 40), st.integers(1, 140), st.integers(0, 100))
def test_unpack_undoes_pack(bits: int, outputs: int, inputs: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    q = torch.randint(0, 1 << bits, (outputs, inputs), generator=generator)
    packed = pack(q, bits)
    assert packed.shape == packed_shape(outputs, inputs, bits)
    assert torch.equal(unpack(packed, (outputs, inputs)), q.to(torch.uint8))


@pytest.mark.parametrize(
    "dtype",
    [torch.uint8, torch.int16, torch.int32, torch.uint16, torch.uint32, torch.uint64],
)
def test_integers_of_every_width_are_packed_alike(dtype: torch.dtype) -> None:
    q = torch.arange(256).view(16, 16)
    assert torch.equal(pack(q.to(dtype), 8), pack(q, 8))


def test_no_copy_of_all_weights_is_wider_than_a_byte() -> None:
    q = torch.zeros(64, 256, dtype=torch.int64)
    with torch.profiler.profile(profile_memory=True, acc_events=True) as profile:
        unpack(pack(q), (64, 256))
    assert max(event.self_cpu_memory_usage for event in profile.events()) == q.numel()


@pytest.mark.parametrize("bits", [4, 8])
def test_every_word_of_32_bits_unpacks(bits: int) -> None:
    generator = torch.Generator().manual_seed(0)
    shape = packed_shape(16, 64, bits)
    words = torch.randint(-(2**31), 2**31, shape, generator=generator).to(torch.int32)
    assert torch.equal(pack(unpack(words, (16, 64)), bits), words)


@pytest.mark.parametrize("bits", [4, 8])
def test_padding_is_weight_zero(bits: int) -> None:
    whole = unpack(pack(torch.zeros(1, 1, dtype=torch.int32), bits), (16, 64))
    assert whole[0, 0] == 0
    assert (whole.flatten()[1:] == 1 << (bits - 1)).all()


def test_a_scale_multiplies_one_group_of_one_output() -> None:
    packed = pack(torch.full((2, 16), 9))
    weight = dequantise(packed, torch.tensor([[1.0, 2.0], [3.0, 4.0]]), 16)
    assert weight.tolist() == [[1.0] * 8 + [3.0] * 8, [2.0] * 8 + [4.0] * 8]


def test_a_zero_point_is_the_q_of_weight_zero() -> None:
    packed = pack(torch.full((1, 16), 200), bits=8)
    scales = torch.full((2, 1), 0.5)
    weight = dequantise(packed, scales, 16, zeros=torch.tensor([[200.0], [198.0]]))
    assert weight.tolist() == [[0.0] * 8 + [1.0] * 8]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16, torch.float64])
def test_weights_are_of_the_dtype_of_their_scales(dtype: torch.dtype) -> None:
    packed = pack(torch.zeros(3, 8, dtype=torch.int32))
    assert dequantise(packed, torch.ones(1, 3, dtype=dtype), 8).dtype == dtype


def test_the_group_size_follows_from_the_shapes() -> None:
    assert group_size(PACKED, SCALES, 64) == 32


@pytest.mark.parametrize(
    ("q", "bits", "named"),
    [
        (torch.zeros(8, dtype=torch.int32), 4, r"\[8\]"),
        (torch.full((1, 8), 16), 4, r"0\.\.15"),
        (torch.full((1, 8), 256), 8, r"0\.\.255"),
        (torch.full((1, 8), 256, dtype=torch.uint16), 8, r"0\.\.255"),
        (torch.full((1, 8), 2**32 - 1, dtype=torch.uint32), 8, r"0\.\.255"),
        (torch.full((1, 8), -1), 4, r"0\.\.15"),
        (torch.full((1, 8), -1, dtype=torch.int8), 8, r"0\.\.255"),
        (torch.ones(1, 8), 4, "integers"),
        (torch.ones(1, 8, dtype=torch.bool), 4, "integers"),
        (torch.zeros(1, 8, dtype=torch.int32), 3, "bits is 3"),
        (torch.zeros(1, 8, dtype=torch.int32), [4], r"bits is \[4\]"),
    ],
)
def test_what_cannot_be_packed_is_refused(q: torch.Tensor, bits: Any, named: str) -> None:
    with pytest.raises(BadInput, match=named):
        pack(q, bits)


def test_a_shape_that_is_no_matrix_is_refused() -> None:
    with pytest.raises(BadInput, match=r"shape must be \[N, K\], not \[17\]"):
        unpack(PACKED, (17,))


@pytest.mark.parametrize(
    ("packed", "scales", "zeros", "named"),
    [
        (PACKED.long(), SCALES, None, r"int32 \[1, 1, 32, 4\]"),
        (PACKED[..., :3], SCALES, None, r"not torch.int32 \[1, 1, 32, 3\]"),
        (PACKED, torch.ones(3, 16), None, r"scales \[3, 16\] do not fit K = 64"),
        (PACKED, torch.ones(2, 17), None, r"packed must be int32 \[2, 1, 32, 4\]"),
        (PACKED, SCALES.long(), None, "scales must be floating point"),
        (PACKED, SCALES, torch.ones(2, 15), r"zeros must be torch.float32 \[2, 16\]"),
        (PACKED, SCALES, SCALES.half(), r"not torch.float16"),
        (PACKED, SCALES.to("meta"), None, "scales are on meta"),
        (PACKED, SCALES, SCALES.to("meta"), "zeros are on meta"),
    ],
)
def test_weights_that_do_not_fit_each_other_are_named(
    packed: torch.Tensor, scales: torch.Tensor, zeros: torch.Tensor | None, named: str
) -> None:
    with pytest.raises(BadInput, match=named):
        group_size(packed, scales, 64, zeros)
