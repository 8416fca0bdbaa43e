"""The Triton kernel of top-k against a float64 reference; `interpreted` runs this file."""

import pytest
import torch

from moeprof.kernels.backend import runs_kernel
from moeprof.kernels.topk import topk, topk_reference

NAN, INF = float("nan"), float("inf")


def test_it_is_the_kernel_that_computes() -> None:
    assert runs_kernel(torch.ones(1))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize(
    ("tokens", "experts", "k"),
    [(1, 8, 2), (13, 8, 2), (17, 64, 8), (9, 100, 3), (5, 7, 7), (3, 513, 1)],
)
def test_ids_are_exact_and_weights_close(
    tokens: int, experts: int, k: int, dtype: torch.dtype
) -> None:
    torch.manual_seed(tokens)
    logits = torch.randn(tokens, experts).to(dtype)
    weights, ids = topk(logits, k)
    expected_weights, expected_ids = topk_reference(logits.double(), k)
    assert torch.equal(ids, expected_ids)
    assert (weights - expected_weights).abs().max() < 1e-6


def test_of_equal_logits_the_lower_column_wins() -> None:
    torch.manual_seed(0)
    logits = (torch.randn(16, 32) * 2).round() / 2
    assert torch.equal(topk(logits, 8)[1], topk_reference(logits, 8)[1])


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")  # numpy's word for a NaN made
def test_ids_are_distinct_and_in_range_whatever_a_row_holds() -> None:
    rows = torch.tensor(
        [[1, NAN, -INF, 3, 3, -0.0, 0.0, -NAN], [NAN] * 8, [-INF] * 8, [INF] * 8, [0.0, -0.0] * 4]
    )
    weights, ids = topk(rows, 6)
    assert ids.tolist() == [[1, 7, 3, 4, 0, 5], *[[0, 1, 2, 3, 4, 5]] * 4]
    expected_weights, expected_ids = topk_reference(rows, 6)
    assert torch.equal(ids, expected_ids)
    torch.testing.assert_close(weights, expected_weights, equal_nan=True)


def test_strided_logits_are_read_as_they_lie() -> None:
    torch.manual_seed(0)
    logits = torch.randn(12, 20).T[:, ::2]
    assert torch.equal(topk(logits, 3)[1], topk_reference(logits, 3)[1])


def test_the_same_input_gives_the_same_bits() -> None:
    logits = torch.randn(7, 16)
    assert torch.equal(topk(logits, 4)[0], topk(logits, 4)[0])
