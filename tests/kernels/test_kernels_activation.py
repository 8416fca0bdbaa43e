"""Activations and their derivatives, on the CPU and in Triton's interpreter."""

from collections.abc import Callable

import pytest
import torch

from moeprof.kernels.activation import DERIVATIVES, REFERENCES, results_of


def test_the_kernels_compute_what_torch_does(interpreted: Callable[[str], None]) -> None:
    interpreted("interpreted_activation.py")


@pytest.mark.parametrize("name", DERIVATIVES)
def test_a_derivative_is_that_of_its_activation(name: str) -> None:
    x = torch.linspace(-4, 4, 82, dtype=torch.float64)
    x[0] = 0
    x.requires_grad_()
    gradient = torch.linspace(1, 2, results_of(82, name), dtype=torch.float64)
    (expected,) = torch.autograd.grad(REFERENCES[name](x), x, gradient)
    torch.testing.assert_close(DERIVATIVES[name](gradient, x.detach()), expected)


def test_every_activation_but_none_has_a_derivative() -> None:
    assert {*REFERENCES} - {*DERIVATIVES} == {"none"}
