"""Gated experts: w2 (act(gate) * up), where w13 gives gate and up as one row.

Both halves lie side by side, [gate | up], or in turns for "clipped", as gpt-oss stores them
(activation.py).
"""

from __future__ import annotations

from typing import Final

import torch
from torch.nn import functional

from .activation import REFERENCES

ACT_MUL_FLOPS: Final = {
    "silu": 5,  # gate / (1 + exp(-gate)) * up: -, exp, +, /, *
    "gelu": 6,  # gate / 2 * (1 + erf(gate / sqrt 2)) * up: erf counts as one
    "clipped": 9,  # min; max, min; * -1.702, exp, +, /; + 1, *
}
"""Arithmetic per element of the result, by the name of an activation."""


def act_mul(x: torch.Tensor, activation: str) -> torch.Tensor:
    """Multiply act(gate) by up: x [rows, 2 ffn] -> [rows, ffn].

    "silu" and "gelu" (by the error function) are act(gate) * up, "clipped" is that of gpt-oss.
    """
    if activation == "clipped":
        return REFERENCES["clipped_mul"](x)
    gate, up = x.chunk(2, dim=1)
    return (functional.silu if activation == "silu" else functional.gelu)(gate) * up


def gated_expert(
    x: torch.Tensor, w13: torch.Tensor, w2: torch.Tensor, activation: str
) -> torch.Tensor:
    """One gated expert: x [rows, K], w13 [2 ffn, K], w2 [K, ffn] -> [rows, K]."""
    return functional.linear(act_mul(functional.linear(x, w13), activation), w2)


def gated_experts(
    x: torch.Tensor, ends: torch.Tensor, w13: torch.Tensor, w2: torch.Tensor, activation: str
) -> torch.Tensor:
    """Gated experts on the rows of each, which are sorted by expert: x [rows, K] -> [rows, K].

    `ends` int32 [experts] are the rows up to the end of each expert, w13 [experts, 2 ffn, K] and
    w2 [experts, K, ffn] their weights.
    """
    return grouped_product(act_mul(grouped_product(x, ends, w13), activation), ends, w2)


def grouped_product(x: torch.Tensor, ends: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Multiply the rows of each expert by its transposed weights [experts, N, K]: [rows, N].

    By torch's grouped product: one launch for bfloat16 on sm_90 and later, else one per expert.
    """
    return functional.grouped_mm(x, weights.transpose(1, 2), offs=ends)
