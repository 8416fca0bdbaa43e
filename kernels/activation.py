"""Activation functions, which a linear layer's kernel applies to its sums before it stores them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch.nn import functional

from .backend import jit, tl

REFERENCES: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "none": lambda x: x,
    "gelu_tanh": partial(functional.gelu, approximate="tanh"),
    "gelu_erf": functional.gelu,
    "silu": functional.silu,
    "relu": functional.relu,
}

# By activation: (gradient of the output, sums before the activation) -> gradient of the sums.
DERIVATIVES: dict[str, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {
    "gelu_tanh": partial(torch.ops.aten.gelu_backward, approximate="tanh"),
    "gelu_erf": torch.ops.aten.gelu_backward,
    "silu": torch.ops.aten.silu_backward,
    "relu": lambda gradient, x: torch.where(x > 0, gradient, 0),
}


@jit  # type: ignore[untyped-decorator]
def activate(x, KIND: tl.constexpr):  # type: ignore[no-untyped-def]
    """Apply the activation KIND, a key of REFERENCES, to float32 x of any shape."""
    if KIND == "gelu_tanh":  # tanh(z) is 2 sigmoid(2 z) - 1
        return x * tl.sigmoid(1.5957691216057308 * (x + 0.044715 * x * x * x))
    elif KIND == "gelu_erf":
        # GELU is x times the normal distribution function. Its tail beyond |x| is computed as
        # exp(-x^2 / 2) times a polynomial in t, fitted to a relative error of 2e-7. tl.erf needs
        # so many registers that tiles of 256 rows spill.
        t = 1.0 / (1.0 + 0.28 * tl.abs(x))
        tail = 0.0924281095 + t * (-0.0935931187 + t * 0.0247199717)
        tail = 0.0836307924 + t * (0.0727750079 + t * (-0.00644917286 + t * tail))
        tail = t * (0.111703858 + t * (0.111699803 + t * (0.103084664 + t * tail)))
        tail *= tl.exp(-0.5 * x * x)
        return x * tl.where(x < 0.0, tail, 1.0 - tail)
    elif KIND == "silu":
        return x * tl.sigmoid(x)
    elif KIND == "relu":
        return tl.where(x < 0.0, 0.0, x)  # NaN stays NaN
    else:
        return x


@jit  # type: ignore[untyped-decorator]
def finish(y_ptr, at, bias_ptr, n, N, sums, inside, ACTIVATION: tl.constexpr):  # type: ignore[no-untyped-def]
    """Add the bias of outputs n to float32 sums, activate, and store them at y_ptr + at.

    `sums`, `at` and the mask `inside` are [outputs, rows], n is [outputs, 1].
    """
    if bias_ptr is not None:
        sums += tl.load(bias_ptr + n, mask=n < N, other=0.0).to(tl.float32)
    tl.store(y_ptr + at, activate(sums, ACTIVATION).to(y_ptr.dtype.element_ty), mask=inside)
