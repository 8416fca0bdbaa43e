"""The Triton kernel of top-k against a float64 reference; `interpreted` runs this file."""

from unittest.mock import patch

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from moeprof.kernels import topk as module
from moeprof.kernels.arguments import MAX_EXPERTS
from moeprof.kernels.backend import runs_kernel
from moeprof.kernels.routing import Routing
from moeprof.kernels.topk import topk, topk_reference

NAN, INF = float("nan"), float("inf")
# numpy, which computes in the interpreter, warns of a NaN that is made and of a row of NaN alone.
numpy_makes_nan = pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
numpy_finds_only_nan = pytest.mark.filterwarnings("ignore:All-NaN slice:RuntimeWarning")
DTYPES = [torch.float32, torch.bfloat16, torch.float16]

ROUTINGS = {
    "picked": Routing(),
    "softmax": Routing("softmax"),
    "qwen": Routing("softmax", renormalise=True),
    "deepseek-v2": Routing("softmax", scale=16.0, groups=4, kept_groups=2),
    "deepseek-v3": Routing("sigmoid", renormalise=True, scale=2.5, groups=4, kept_groups=2),
    "sigmoid": Routing("sigmoid"),
    "odd groups": Routing(groups=3, kept_groups=2),
}


def test_the_kernel_computes_and_not_the_reference() -> None:
    assert runs_kernel(torch.ones(1))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("tokens", "experts", "k"),
    [
        (1, 8, 2),
        (13, 8, 2),
        (17, 64, 8),
        (9, 100, 3),
        (5, 7, 7),
        (3, 513, 1),
        (2, 512, 16),
        (3, 1023, 32),
    ],
)
def test_ids_are_exact_and_weights_close(
    tokens: int, experts: int, k: int, dtype: torch.dtype
) -> None:
    torch.manual_seed(tokens)
    logits = torch.randn(tokens, experts).to(dtype)
    poison = torch.empty
    with patch.object(torch, "empty", lambda *a, **key: poison(*a, **key).fill_(77)):
        weights, ids = topk(logits, k)
    expected_weights, expected_ids = topk_reference(logits.double(), k)
    assert torch.equal(ids, expected_ids)
    assert (weights - expected_weights).abs().max() < 1e-6


@numpy_makes_nan
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("biased", [False, True])
@pytest.mark.parametrize("routing", ROUTINGS.values(), ids=ROUTINGS)
def test_every_routing_equals_the_reference(
    routing: Routing, biased: bool, dtype: torch.dtype
) -> None:
    torch.manual_seed(0)
    logits = torch.randn(5, 12).to(dtype)
    bias = torch.randn(12) if biased else None
    four_rows_a_warp = module.constants(5, 12, 3, routing) | {"ROWS": 4}
    with patch.object(module, "constants", lambda *_: four_rows_a_warp):
        weights, ids = topk(logits, 3, routing, bias)
    expected_weights, expected_ids = topk_reference(logits.double(), 3, routing, bias)
    assert torch.equal(ids, expected_ids)
    assert (weights - expected_weights).abs().max() < 4e-6


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("routing", [ROUTINGS["picked"], ROUTINGS["deepseek-v2"]])
def test_of_equal_logits_the_lower_column_wins(routing: Routing, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    logits = ((torch.randn(16, 32) * 2).round() / 2).to(dtype)
    assert torch.equal(topk(logits, 8, routing)[1], topk_reference(logits, 8, routing)[1])


@numpy_makes_nan
@numpy_finds_only_nan
@pytest.mark.parametrize("dtype", DTYPES)
@settings(max_examples=20)
@given(row=st.lists(st.floats(width=16), min_size=1, max_size=37), data=st.data())
def test_any_row_of_any_length_is_ranked(
    dtype: torch.dtype, row: list[float], data: st.DataObject
) -> None:
    k = data.draw(st.integers(1, min(len(row), 16)))
    logits, counts = torch.tensor([row, row[::-1]]).to(dtype), torch.zeros(len(row)).int()
    weights, ids = topk(logits, k, counts=counts)
    expected_counts = torch.zeros_like(counts)
    expected_weights, expected_ids = topk_reference(logits, k, counts=expected_counts)
    assert torch.equal(ids, expected_ids)
    assert torch.equal(counts, expected_counts)
    torch.testing.assert_close(weights, expected_weights)


@numpy_makes_nan
@numpy_finds_only_nan
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("routing", ROUTINGS.values(), ids=ROUTINGS)
def test_ids_are_distinct_and_weights_zero_whatever_a_row_holds(
    routing: Routing, dtype: torch.dtype
) -> None:
    one = [1, NAN, -INF, 3, 3, -0.0, 0.0, -NAN, 2, 1, 0, -1]
    rows = torch.tensor([one, [NAN] * 12, [-INF] * 12, [INF] * 12, [0.0, -0.0] * 6]).to(dtype)
    weights, ids = topk(rows, 5, routing)
    expected_weights, expected_ids = topk_reference(rows, 5, routing)
    assert torch.equal(ids, expected_ids)
    torch.testing.assert_close(weights, expected_weights)
    assert all(len(set(row)) == 5 and set(row) <= set(range(12)) for row in ids.tolist())
    assert not weights[:2].any()


def test_an_expert_at_minus_infinity_is_picked_last_with_weight_0() -> None:
    weights, ids = topk(torch.tensor([[-INF, 1.0, -INF, 1.0]]), 3)
    assert ids.tolist() == [[1, 3, 0]]
    assert weights.tolist() == [[0.5, 0.5, 0.0]]


@pytest.mark.parametrize("routing", ROUTINGS.values(), ids=ROUTINGS)
def test_a_bias_does_not_raise_an_expert_from_minus_infinity(routing: Routing) -> None:
    logits = torch.randn(2, 12)
    logits[:, 4] = -INF
    bias = torch.zeros(12).index_fill(0, torch.tensor([4]), 0.9)
    weights, ids = topk(logits, 5, routing, bias)
    expected_weights, expected_ids = topk_reference(logits, 5, routing, bias)
    assert torch.equal(ids, expected_ids)
    torch.testing.assert_close(weights, expected_weights)
    assert not (ids == 4).any()


def test_counts_grow_by_the_tokens_of_each_expert() -> None:
    torch.manual_seed(0)
    logits = torch.randn(9, 12)
    counts = torch.full((12,), 5, dtype=torch.int32)
    ids = topk(logits, 3, counts=counts)[1]
    assert torch.equal(counts, 5 + torch.bincount(ids.flatten(), minlength=12).int())
    assert counts.sum() == 12 * 5 + 9 * 3


def test_strided_logits_are_read_right() -> None:
    torch.manual_seed(0)
    logits = torch.randn(12, 20).T[:, ::2]
    assert torch.equal(topk(logits, 3)[1], topk_reference(logits, 3)[1])


def test_the_same_input_gives_the_same_bits() -> None:
    logits = torch.randn(7, 16)
    assert torch.equal(topk(logits, 4)[0], topk(logits, 4)[0])


def test_a_packed_key_has_room_for_every_column() -> None:
    columns = (
        module.constants(1, experts, 1, Routing(groups=groups))["COLUMNS"]
        for experts in range(1, MAX_EXPERTS + 1)
        for groups in range(1, experts + 1)
        if experts % groups == 0
    )
    assert max(columns) <= 8192
