"""Keys of numbers, in Triton's interpreter; `interpreted` runs this file."""

import pytest
import torch

from moeprof.kernels.backend import jit, tl
from moeprof.kernels.ranking import columns_of_largest, key_value, ordered_key, packed_key

NAN, INF = float("nan"), float("inf")
ASCENDING = [-INF, -3e38, -1.0, -1e-45, 0.0, 1e-45, 1.0, 3e38, INF, NAN]


@jit  # type: ignore[untyped-decorator]
def keys_and_back(x_ptr, key_ptr, back_ptr, SIZE: tl.constexpr):  # type: ignore[no-untyped-def]
    at = tl.arange(0, SIZE)
    key = ordered_key(tl.load(x_ptr + at))
    tl.store(key_ptr + at, key.to(tl.int64))
    tl.store(back_ptr + at, key_value(key))


def keys_of(x: torch.Tensor) -> tuple[list[int], torch.Tensor]:
    key, back = torch.empty(16, dtype=torch.int64), torch.empty(16)
    padded = torch.zeros(16)
    padded[: len(x)] = x
    keys_and_back[(1,)](padded, key, back, SIZE=16)
    return key[: len(x)].tolist(), back[: len(x)]


def test_keys_ascend_with_the_numbers_and_none_is_zero() -> None:
    keys, back = keys_of(torch.tensor(ASCENDING))
    assert keys == sorted(set(keys))
    assert keys[0] > 0
    assert torch.equal(back[:-1], torch.tensor(ASCENDING[:-1]))


def test_both_zeros_have_one_key_and_so_have_all_nan() -> None:
    keys, _ = keys_of(torch.tensor([0.0, -0.0, NAN, -NAN]))
    assert keys[0] == keys[1]
    assert keys[2] == keys[3] == 2**32 - 1


@jit  # type: ignore[untyped-decorator]
def rank(x_ptr, columns_ptr, ROWS: tl.constexpr, SIZE: tl.constexpr, PACKED: tl.constexpr):  # type: ignore[no-untyped-def]
    column = tl.arange(0, SIZE)[None, :]
    row = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    at = row[:, None] * SIZE + column
    x = tl.load(x_ptr + at)
    key = packed_key(x, column) if PACKED else ordered_key(x)
    tl.store(columns_ptr + at, columns_of_largest(key, ROWS, SIZE, SIZE, SIZE, PACKED))


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")  # NaN that signal are among them
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("packed", [False, True])
def test_every_16_bit_float_ranks_right(dtype: torch.dtype, packed: bool) -> None:
    """Made float32 by torch, because the interpreter does so wrongly with subnormal bfloat16."""
    torch.manual_seed(0)
    every = torch.arange(-(2**15), 2**15).to(torch.int16).view(dtype)
    among_others = every[torch.randperm(2**16)].view(2048, 32)
    among_neighbours = every.sort().values.view(2048, 32)[:, torch.randperm(32)]
    for rows in (among_others, among_neighbours):
        columns = torch.empty(2048, 32, dtype=torch.int32)
        rank[(8,)](rows.float().contiguous(), columns, ROWS=256, SIZE=32, PACKED=packed)
        expected = torch.sort(rows, dim=1, descending=True, stable=True).indices
        assert torch.equal(columns.long(), expected)


def test_a_column_of_key_0_is_never_reached() -> None:
    columns = torch.empty(4, dtype=torch.int32)
    rank_there[(1,)](torch.full((4,), -INF), columns)
    assert columns[:3].tolist() == [0, 1, 3]


@jit
def rank_there(x_ptr, columns_ptr):  # type: ignore[no-untyped-def]
    column = tl.arange(0, 4)[None, :]
    key = tl.where(column == 2, 0, packed_key(tl.load(x_ptr + column), column)).to(tl.uint32)
    tl.store(columns_ptr + column, columns_of_largest(key, 1, 4, 3, 4, True))
