import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from moeprof.kernels.int4 import dequant_unpack, group_size_of, pack, unpack
from moeprof.store.errors import BadInput


def test_the_first_of_eight_neighbours_lies_in_the_lowest_bits() -> None:
    packed = pack(torch.tensor([[1, 2, 3, 4, 5, 6, 7, 0]]))
    assert packed.dtype == torch.int32
    assert packed.tolist() == [[0x07654321]]


@settings(deadline=None, max_examples=20)
@given(st.integers(1, 5), st.integers(1, 6), st.integers(0, 100))
def test_unpack_undoes_pack(rows: int, words: int, seed: int) -> None:
    nibbles = torch.randint(0, 16, (rows, 8 * words), generator=torch.Generator().manual_seed(seed))
    assert torch.equal(unpack(pack(nibbles)), nibbles.to(torch.uint8))


def test_every_word_of_32_bits_is_a_valid_one() -> None:
    packed = torch.tensor([[-1, -(2**31), 2**31 - 1]], dtype=torch.int32)
    assert torch.equal(pack(unpack(packed)), packed)


def test_a_scale_serves_its_group_of_one_output() -> None:
    packed = pack(torch.full((2, 16), 9))
    scales = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    weight = dequant_unpack(packed, scales)
    assert weight.tolist() == [[1.0] * 8 + [3.0] * 8, [2.0] * 8 + [4.0] * 8]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16, torch.float64])
def test_weights_are_of_the_dtype_of_their_scales(dtype: torch.dtype) -> None:
    packed = pack(torch.zeros(3, 8, dtype=torch.int32))
    assert dequant_unpack(packed, torch.ones(1, 3, dtype=dtype)).dtype == dtype


def test_the_group_size_is_read_off_the_shapes() -> None:
    assert group_size_of(torch.zeros(4, 16, dtype=torch.int32), torch.ones(2, 4)) == 64


@pytest.mark.parametrize(
    ("nibbles", "named"),
    [
        (torch.zeros(2, 9, dtype=torch.int32), r"\[2, 9\]"),
        (torch.zeros(8, dtype=torch.int32), r"\[8\]"),
        (torch.full((1, 8), 16), "0..15"),
        (torch.full((1, 8), -1), "0..15"),
        (torch.ones(1, 8), "integers"),
    ],
)
def test_what_cannot_be_packed_is_refused(nibbles: torch.Tensor, named: str) -> None:
    with pytest.raises(BadInput, match=named):
        pack(nibbles)
