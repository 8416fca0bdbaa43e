from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from moeprof.kernels import topk as module
from moeprof.kernels.topk import topk
from moeprof.store.errors import BadInput

floats16 = st.floats(width=16, allow_nan=True, allow_infinity=True)


def test_the_triton_kernel_gives_what_the_reference_gives(
    interpreted: Callable[[str], None],
) -> None:
    interpreted("interpreted_topk.py")


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("architecture", [80, 90])
def test_the_triton_kernel_compiles(
    compiles_only: Callable[..., Any], architecture: int, dtype: torch.dtype
) -> None:
    kernel = compiles_only(module, "_topk_kernel", architecture)
    topk(torch.ones(5, 100, dtype=dtype), 3)
    (compiled,) = kernel.compiled
    assert compiled.asm["cubin"]


def test_weights_are_the_softmax_over_the_picked_logits() -> None:
    weights, ids = topk(torch.tensor([[0.0, 3.0, 1.0, 2.0]]), 2)
    assert ids.tolist() == [[1, 3]]
    assert ids.dtype == torch.int32
    torch.testing.assert_close(weights, torch.softmax(torch.tensor([[3.0, 2.0]]), dim=1))


def test_weights_of_half_precision_logits_are_float32() -> None:
    weights, _ = topk(torch.randn(3, 8).bfloat16(), 2)
    assert weights.dtype == torch.float32


@settings(deadline=None, max_examples=50)
@given(st.lists(floats16, min_size=1, max_size=12), st.data())
def test_ids_are_distinct_in_range_and_in_order(row: list[float], data: st.DataObject) -> None:
    k = data.draw(st.integers(1, len(row)))
    ids = topk(torch.tensor([row]), k)[1][0].tolist()
    assert len(set(ids)) == k
    assert set(ids) <= set(range(len(row)))
    rank = [(row[i] == row[i], -row[i] if row[i] == row[i] else 0, i) for i in range(len(row))]
    assert ids == sorted(range(len(row)), key=rank.__getitem__)[:k]


@pytest.mark.parametrize(
    ("logits", "k", "named"),
    [
        (torch.ones(3), 1, r"\[3\]"),
        (torch.ones(2, 4, dtype=torch.int32), 1, "int32"),
        (torch.ones(2, 4), 0, "k is 0"),
        (torch.ones(2, 4), 5, r"1\.\.4"),
    ],
)
def test_a_bad_argument_is_named(logits: torch.Tensor, k: int, named: str) -> None:
    with pytest.raises(BadInput, match=named):
        topk(logits, k)
