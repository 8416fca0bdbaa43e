"""The problems of the kernels' check, by their torch references on a CPU."""

import pytest
import torch

from moeprof.kernels.active_set import active_set_reference
from moeprof.kernels.checking.cases import Case, gpu_cases, interpreter_cases
from moeprof.kernels.checking.problems import make_problem
from moeprof.store.errors import BadInput

DECODE_CASES = [case for case in gpu_cases() if case.kernel == "active_set"]


@pytest.mark.parametrize("case", interpreter_cases(), ids=lambda case: case.name)
def test_torch_is_near_to_the_exact_result_and_the_same_case_gives_the_same(case: Case) -> None:
    problem, again = make_problem(case, "cpu"), make_problem(case, "cpu")
    for torchs, exact, repeated in zip(
        problem.by_torch(), problem.exact(), again.exact(), strict=True
    ):
        assert exact.dtype in (torch.float64, torch.int32, torch.bool)
        assert torchs.shape == exact.shape
        assert (torchs.double() - exact.double()).abs().max() <= 0.02 * exact.max()
        assert torch.equal(exact, repeated)


@pytest.mark.parametrize("case", DECODE_CASES, ids=lambda case: case.name)
def test_no_rounding_decides_which_experts_are_kept(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sums of float32 are right to 1e-6: prices that differ by 1e-5 keep the same experts."""
    kept = [_kept(case, factor, monkeypatch) for factor in (1 - 1e-5, 1, 1 + 1e-5)]
    assert torch.equal(kept[0], kept[1])
    assert torch.equal(kept[1], kept[2])
    assert 0 < kept[1].sum() < case.sizes[0]


def _kept(case: Case, factor: float, monkeypatch: pytest.MonkeyPatch) -> torch.Tensor:
    """Which experts are kept where each price is multiplied by a factor."""
    from moeprof.kernels.checking import problems

    def reference(scores: torch.Tensor, prices: torch.Tensor, k: int) -> tuple[torch.Tensor, ...]:
        return active_set_reference(scores, factor * prices.double(), k)

    monkeypatch.setattr(problems, "active_set_reference", reference)
    return make_problem(case, "cpu").exact()[2]


def test_a_kernel_that_is_none_is_refused() -> None:
    with pytest.raises(BadInput, match="'softmax' is no kernel"):
        make_problem(Case("softmax", (8, 2), 1), "cpu")
