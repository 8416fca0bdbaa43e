import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from moeprof.kernels.active_set import active_set_reference
from moeprof.router.programs.one_pass import one_pass
from moeprof.store.errors import BadInput


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.integers(1, 20), st.integers(2, 12), st.booleans())
def test_what_is_kept_is_what_the_kernels_reference_keeps(
    seed: int, tokens: int, experts: int, coarse: bool
) -> None:
    """Coarse scores are often equal."""
    draw = torch.Generator().manual_seed(seed)
    scores = torch.randn(tokens, experts, generator=draw).softmax(1)
    scores = (scores * 8).round() / 8 if coarse else scores
    charges = torch.rand(experts, generator=draw) * tokens / experts
    k = 1 + seed % experts
    assert one_pass(scores, charges, k).equal(active_set_reference(scores, charges, k)[2])


@pytest.mark.parametrize("odd", [float("nan"), float("inf"), -1.0])
def test_odd_scores_are_kept_as_the_reference_keeps_them(odd: float) -> None:
    scores, charges = torch.rand(6, 5), torch.full((5,), 0.4)
    scores[1, 2] = odd
    assert one_pass(scores, charges, 2).equal(active_set_reference(scores, charges, 2)[2])


def test_other_types_and_a_batch_without_tokens() -> None:
    scores, charges = torch.rand(4, 5).bfloat16(), torch.full((5,), 0.4)
    assert one_pass(scores, charges, 2).equal(active_set_reference(scores, charges, 2)[2])
    assert not one_pass(scores[:0].float(), charges, 2).any()


def test_charges_of_another_number_of_experts_are_refused() -> None:
    with pytest.raises(BadInput, match="prices"):
        one_pass(torch.rand(4, 5), torch.zeros(4), 2)
