"""Activation functions, which a linear layer's kernel applies to its sums before it stores them.

Those of GATED take outputs in pairs, a gate and what it multiplies in turns, and give one for two:
act(gate) * up. "clipped_mul" is that of gpt-oss (modeling_gpt_oss.py in transformers): the gate is
at most 7, up lies in -7..7, and gate * sigmoid(1.702 gate) is multiplied by up + 1.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch.nn import functional

from .backend import jit, tl

GATED = {"silu_mul": "silu", "gelu_mul": "gelu_erf", "clipped_mul": "clipped"}
"""Activation of the gate, by the name of a gated activation."""

_ALPHA, _LIMIT = 1.702, 7.0  # gpt-oss: swiglu_limit in its config


def _clipped(gate: torch.Tensor) -> torch.Tensor:
    gate = gate.clamp(max=_LIMIT)
    return gate * torch.sigmoid(_ALPHA * gate)


def _factor(kind: str, up: torch.Tensor) -> torch.Tensor:
    """What a gated activation multiplies the activation of the gate by."""
    return up.clamp(-_LIMIT, _LIMIT) + 1 if kind == "clipped_mul" else up


def _gated(kind: str, x: torch.Tensor) -> torch.Tensor:
    return REFERENCES[GATED[kind]](x[..., ::2]) * _factor(kind, x[..., 1::2])


REFERENCES: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "none": lambda x: x,
    "gelu_tanh": partial(functional.gelu, approximate="tanh"),
    "gelu_erf": functional.gelu,
    "silu": functional.silu,
    "relu": functional.relu,
    "clipped": _clipped,
    **{kind: partial(_gated, kind) for kind in GATED},
}


def _gated_gradient(kind: str, gradient: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    gate, up = x[..., ::2], x[..., 1::2]
    by_gate = DERIVATIVES[GATED[kind]](gradient * _factor(kind, up), gate)
    by_up = gradient * REFERENCES[GATED[kind]](gate)
    if kind == "clipped_mul":
        by_up = torch.where(up.abs() <= _LIMIT, by_up, 0)
    return torch.stack([by_gate, by_up], dim=-1).flatten(-2)


def _clipped_gradient(gradient: torch.Tensor, gate: torch.Tensor) -> torch.Tensor:
    share = torch.sigmoid(_ALPHA * gate)
    slope = share * (1 + _ALPHA * gate * (1 - share))
    return torch.where(gate <= _LIMIT, gradient * slope, 0)


# By activation: (gradient of the output, sums before the activation) -> gradient of the sums.
DERIVATIVES: dict[str, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {
    "gelu_tanh": partial(torch.ops.aten.gelu_backward, approximate="tanh"),
    "gelu_erf": torch.ops.aten.gelu_backward,
    "silu": torch.ops.aten.silu_backward,
    "relu": lambda gradient, x: torch.where(x > 0, gradient, 0),
    "clipped": _clipped_gradient,
    **{kind: partial(_gated_gradient, kind) for kind in GATED},
}


def results_of(outputs: int, activation: str) -> int:
    """Columns of the result of a layer with so many outputs."""
    return outputs // 2 if activation in GATED else outputs


@jit  # type: ignore[untyped-decorator]
def activate(x, KIND: tl.constexpr):  # type: ignore[no-untyped-def]
    """Apply the activation KIND, or that of its gate, to float32 x of any shape."""
    if KIND == "gelu_tanh":  # tanh(z) is 2 sigmoid(2 z) - 1
        return x * tl.sigmoid(1.5957691216057308 * (x + 0.044715 * x * x * x))
    elif KIND == "gelu_erf" or KIND == "gelu_mul":
        # GELU is x times the normal distribution function. Its tail beyond |x| is computed as
        # exp(-x^2 / 2) times a polynomial in t, fitted to a relative error of 2e-7. tl.erf needs
        # so many registers that tiles of 256 rows spill.
        t = 1.0 / (1.0 + 0.28 * tl.abs(x))
        tail = 0.0924281095 + t * (-0.0935931187 + t * 0.0247199717)
        tail = 0.0836307924 + t * (0.0727750079 + t * (-0.00644917286 + t * tail))
        tail = t * (0.111703858 + t * (0.111699803 + t * (0.103084664 + t * tail)))
        tail *= tl.exp(-0.5 * x * x)
        return x * tl.where(x < 0.0, tail, 1.0 - tail)
    elif KIND == "silu" or KIND == "silu_mul":
        return x * tl.sigmoid(x)
    elif KIND == "relu":
        return tl.where(x < 0.0, 0.0, x)  # NaN stays NaN
    elif KIND == "clipped" or KIND == "clipped_mul":
        gate = tl.where(x > 7.0, 7.0, x)
        return gate * tl.sigmoid(1.702 * gate)
    else:
        return x


@jit  # type: ignore[untyped-decorator]
def finish(  # type: ignore[no-untyped-def]
    y_ptr,  # [rows, N], or [rows, N / 2] if GATED
    bias_ptr,  # [N], or None
    row,  # [BM]
    limit,  # rows up to this one are stored
    column,
    N,
    sums,  # float32 [BN, BM] of the outputs from `column` on
    BM: tl.constexpr,
    BN: tl.constexpr,
    ACTIVATION: tl.constexpr,
    GATED: tl.constexpr,
):
    """Add the bias to a tile of sums, activate it, and store it."""
    n = (column + tl.arange(0, BN))[:, None]
    if bias_ptr is not None:
        sums += tl.load(bias_ptr + n, mask=n < N, other=0.0).to(tl.float32)
    if GATED:
        pairs = tl.permute(tl.reshape(sums, (BN // 2, 2, BM)), (0, 2, 1))
        gate, factor = tl.split(pairs)
        if ACTIVATION == "clipped_mul":
            factor = tl.where(factor > 7.0, 7.0, tl.where(factor < -7.0, -7.0, factor)) + 1.0
        y = activate(gate, ACTIVATION) * factor
        n = (column // 2 + tl.arange(0, BN // 2))[:, None]
        N = N // 2
        inside = (row[None, :] < limit) & (n < N)
        tl.store(y_ptr + row[None, :] * N + n, y.to(y_ptr.dtype.element_ty), mask=inside)
    else:
        inside = (row[None, :] < limit) & (n < N)
        at = row[None, :] * N + n
        tl.store(y_ptr + at, activate(sums, ACTIVATION).to(y_ptr.dtype.element_ty), mask=inside)
