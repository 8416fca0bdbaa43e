"""The check of one case, on made-up kernels."""

from collections.abc import Callable
from itertools import count

import pytest
import torch

from moeprof.kernels.checking import check
from moeprof.kernels.checking.cases import TIMES_TORCH, Case
from moeprof.kernels.checking.check import KernelCheck, check_kernel
from moeprof.kernels.checking.problems import Problem, Results
from moeprof.store.errors import CannotMeasure

CASE = Case("topk", (8, 2), 4)
EXACT = torch.linspace(1, 2, 1000, dtype=torch.float64)
IDS = torch.arange(8, dtype=torch.int32)
OFF = 1e-3  # relative error of torch here


@pytest.fixture
def checked(monkeypatch: pytest.MonkeyPatch) -> Callable[..., KernelCheck]:
    """Give a function that checks a made-up kernel."""
    monkeypatch.setattr(check, "runs_kernel", lambda tensor: True)

    def run(by_kernel: Callable[[], Results], runs: int = 5, limit_s: float = 60) -> KernelCheck:
        problem = Problem(by_kernel, lambda: (EXACT * (1 + OFF), IDS), lambda: (EXACT, IDS))
        monkeypatch.setattr(check, "make_problem", lambda case, device: problem)
        return check_kernel(CASE, "cpu", runs, limit_s)

    return run


@pytest.mark.parametrize("times", [0, 1, 1.9, 2.1])
def test_the_error_is_a_multiple_of_torchs(
    checked: Callable[..., KernelCheck], times: float
) -> None:
    found = checked(lambda: (EXACT * (1 + times * OFF), IDS))
    assert found.times_torch == pytest.approx(times, rel=0.01)
    assert (found.runs, found.different) == (5, 0)


def test_one_wrong_element_among_many_is_seen(checked: Callable[..., KernelCheck]) -> None:
    wrong = EXACT.clone()
    wrong[7] += 0.01
    found = checked(lambda: (wrong, IDS))
    assert found.times_torch is not None
    assert found.times_torch > TIMES_TORCH


def test_a_wrong_integer_is_counted(checked: Callable[..., KernelCheck]) -> None:
    assert checked(lambda: (EXACT, IDS.flip(0))).wrong_integers == 8


@pytest.mark.parametrize("fill", [float("nan"), float("inf")])
def test_a_result_that_is_not_finite_has_no_error(
    checked: Callable[..., KernelCheck], fill: float
) -> None:
    assert checked(lambda: (torch.full_like(EXACT, fill), IDS)).times_torch is None


def test_an_element_that_is_never_written_is_not_finite(
    checked: Callable[..., KernelCheck],
) -> None:
    def kernel() -> Results:
        y = torch.empty_like(EXACT)
        y[1:] = EXACT[1:]
        return y, IDS

    assert checked(kernel).times_torch is None
    assert not torch.are_deterministic_algorithms_enabled()


def test_runs_with_other_bits_are_counted(checked: Callable[..., KernelCheck]) -> None:
    numbers = count()

    def kernel() -> Results:
        y = EXACT.clone()
        y[0] += 1e-15 if next(numbers) in (2, 4) else 0
        return y, IDS

    found = checked(kernel)
    assert (found.runs, found.different) == (5, 2)


def test_a_zero_of_another_sign_has_other_bits(checked: Callable[..., KernelCheck]) -> None:
    zeros = [torch.zeros_like(EXACT), -torch.zeros_like(EXACT)]
    numbers = count()
    assert checked(lambda: (zeros[next(numbers) % 2], IDS), runs=2).different == 1


def test_time_that_is_over_ends_the_runs(checked: Callable[..., KernelCheck]) -> None:
    assert checked(lambda: (EXACT, IDS), limit_s=0).runs == 0


def test_without_a_kernel_nothing_is_checked() -> None:
    with pytest.raises(CannotMeasure, match="do not run here"):
        check_kernel(CASE, "meta", 1, 1)
