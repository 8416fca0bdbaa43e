"""Activations as the kernels compute them, interpreted; `interpreted` runs this file."""

import pytest
import torch

from moeprof.kernels.activation import GATED, REFERENCES, activate
from moeprof.kernels.backend import jit, tl


@jit  # type: ignore[untyped-decorator]
def activated(x_ptr, y_ptr, SIZE: tl.constexpr, KIND: tl.constexpr):  # type: ignore[no-untyped-def]
    at = tl.arange(0, SIZE)
    tl.store(y_ptr + at, activate(tl.load(x_ptr + at), KIND))


@pytest.mark.filterwarnings("ignore:overflow encountered in exp:RuntimeWarning")
@pytest.mark.parametrize("kind", [kind for kind in REFERENCES if kind not in GATED])
def test_an_activation_is_as_close_to_float64_as_torch_is(kind: str) -> None:
    x = torch.linspace(-12, 12, 4096)
    y = torch.empty_like(x)
    activated[(1,)](x, y, SIZE=len(x), KIND=kind)
    exact = REFERENCES[kind](x.double())
    torch_error = (REFERENCES[kind](x) - exact).abs()
    assert (y - exact).abs().max() <= max(2 * float(torch_error.max()), 1e-7)


def test_gelu_by_erf_is_precise_for_large_negative_values() -> None:
    x = torch.linspace(-5, -1e-3, 1024)
    y = torch.empty_like(x)
    activated[(1,)](x, y, SIZE=len(x), KIND="gelu_erf")
    exact = 0.5 * x.double() * torch.special.erfc(-x.double() / 2**0.5)
    assert ((y - exact) / exact).abs().max() < 3e-6
