"""Inputs of an operation, as the isolated script makes them, and its operands."""

from collections.abc import Iterable
from dataclasses import fields, is_dataclass
from typing import Any

import torch

from moeprof.scenarios.operation import Operation
from moeprof.scenarios.preset import Preset


def inputs_of(operation: Operation, preset: Preset, tokens: int, dtype: torch.dtype) -> list[Any]:
    """Random inputs, of one seed."""
    generator = torch.Generator().manual_seed(tokens)

    def take(shape: tuple[int, ...], wanted: torch.dtype = dtype, draw: Any = None) -> torch.Tensor:
        if draw is not None:
            block: torch.Tensor = draw(torch.randn(1 << 18, generator=generator))
            assert block.dtype == wanted
            count = torch.Size(shape).numel()
            return block.repeat(-(-count // len(block)))[:count].clone().view(shape)
        if wanted.is_floating_point:
            return torch.randn(shape, generator=generator).to(wanted)
        bounds = torch.iinfo(wanted)
        return torch.randint(bounds.min, bounds.max, shape, dtype=wanted, generator=generator)

    return list(operation.make_inputs(take, tokens, **operation.sizes(preset)))


def tensors(values: object) -> list[torch.Tensor]:
    """The tensors among values, and in the dataclasses among them."""
    if isinstance(values, torch.Tensor):
        return [values]
    if is_dataclass(values) and not isinstance(values, type):
        return tensors([getattr(values, field.name) for field in fields(values)])
    several = values if isinstance(values, list | tuple) else ()
    return [tensor for value in several for tensor in tensors(value)]


def widened(values: Iterable[Any]) -> list[Any]:
    """The values with floating-point tensors in float64."""
    return [_widened(value) for value in values]


def _widened(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return value.double() if value.is_floating_point() else value
    if is_dataclass(value) and not isinstance(value, type):
        own = {field.name: getattr(value, field.name) for field in fields(value)}
        return type(value)(**{name: _widened(one) for name, one in own.items()})
    return value
