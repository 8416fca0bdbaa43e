"""Stand-ins for packages of other engines: modules in sys.modules, and what kernels compute.

Each stand-in has the signatures of one version, and computes by what its source says of layouts,
apart from our references: an adapter that gives another layout gets another result.
"""

import sys
from collections.abc import Callable
from dataclasses import replace
from types import ModuleType
from typing import Any

import pytest
import torch
from torch.nn import functional

from moeprof.scenarios.operation import Operation
from moeprof.scenarios.preset import Preset
from moeprof.tests.scenarios.made_inputs import inputs_of

LAYER = Preset("odd", "made up", 40, 56, 9, 3, "bfloat16", 4, 8, routing="zipf:1.1")
"""Sizes of which no two are equal, so that no transposition goes unseen."""
IN_BLOCKS = replace(
    LAYER, hidden=256, ffn=384, weight_bits=8, group_size=128, weight_format="fp8_block"
)
"""The same on weights of fp8 by blocks of 128."""
TOKENS = 7


def install(monkeypatch: pytest.MonkeyPatch, name: str, **contents: Any) -> ModuleType:
    """Make a module of this dotted name, with its packages; give it."""
    parts = name.split(".")
    for depth in range(1, len(parts) + 1):
        whole = ".".join(parts[:depth])
        if whole not in sys.modules:
            module = ModuleType(whole)
            module.__path__ = []  # makes it a package
            monkeypatch.setitem(sys.modules, whole, module)
            if depth > 1:
                parent = sys.modules[".".join(parts[: depth - 1])]
                monkeypatch.setattr(parent, parts[depth - 1], module, raising=False)
    for word, value in contents.items():
        monkeypatch.setattr(sys.modules[name], word, value, raising=False)
    return sys.modules[name]


def gated(rows: torch.Tensor, activation: str) -> torch.Tensor:
    """silu or gelu of the first half times the second; gpt-oss's form of rows in turns."""
    if activation == "swigluoai":
        gate, up = rows[..., ::2].clamp(max=7.0), rows[..., 1::2].clamp(-7.0, 7.0)
        return gate * torch.sigmoid(1.702 * gate) * (up + 1)
    half = rows.shape[-1] // 2
    gate, up = rows[..., :half], rows[..., half:]
    return (functional.silu(gate) if activation == "silu" else functional.gelu(gate)) * up


def through_experts(
    x: torch.Tensor,
    ids: torch.Tensor,
    weights: torch.Tensor,
    expert: Callable[[torch.Tensor, int], torch.Tensor],
) -> torch.Tensor:
    """Add up what `expert(rows, number)` gives for each token, by the weight of each pick."""
    y = torch.zeros_like(x)
    for number in sorted(set(ids.flatten().tolist())):
        token, pick = torch.nonzero(ids == number, as_tuple=True)
        y.index_add_(0, token, expert(x[token], number) * weights[token, pick, None].to(x.dtype))
    return y


def assert_computes(
    operation: Operation, preset: Preset = LAYER, dtype: torch.dtype = torch.float32
) -> None:
    """Assert that the adapter's result is that of its reference."""
    inputs = inputs_of(operation, preset, TOKENS, dtype)
    given: Any = operation.run(*inputs)
    assert operation.reference is not None
    exact: Any = operation.reference(*inputs)
    y = given[0] if isinstance(given, list) else given
    torch.testing.assert_close(y, exact, rtol=1e-4, atol=1e-5 * exact.abs().max().item())
