"""Keys of numbers, in Triton's interpreter; `interpreted` runs this file."""

import torch

from moeprof.kernels.backend import jit, tl
from moeprof.kernels.ranking import key_value, ordered_key

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
