"""A case as tensors on a device: the kernel, its torch reference, and the exact result."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Final

import torch

from ...store.errors import BadInput
from ..active_set import active_set, active_set_reference
from ..dequant_linear import dequant_linear, dequant_linear_reference, layer_of
from ..formats.registry import format_named
from ..grouped_linear import grouped_linear, grouped_linear_reference
from ..packing import layout_of, pack
from ..tiling.choice import INTERPRETER, choose_tile, gpu_at
from ..tiling.tiles import Tile
from ..topk import topk, topk_reference
from ..weights import Weights
from .cases import EXPERTS, Case

Results = tuple[torch.Tensor, ...]

_DTYPE: Final = torch.bfloat16
_GROUPS: Final = (128, 64)  # inputs that share a scale: the first that divides K
_SCALE: Final = 0.02
# Of an expert, over its share of the tokens. No expert is worth that to 1e-5, so that no rounding
# decides whether one is kept.
_PRICE: Final = 0.06


@dataclass(frozen=True, slots=True)
class Problem:
    """Three ways to the same results: by the kernel, by torch in its dtypes, and in float64.

    `tile` is that of dequant_linear, None for other kernels.
    """

    by_kernel: Callable[[], Results]
    by_torch: Callable[[], Results]
    exact: Callable[[], Results]
    tile: Tile | None = None


def make_problem(case: Case, device: str) -> Problem:
    """Make the tensors of a case on `device` ("cpu" or "cuda:N"); the same case gives the same.

    Raises BadInput for an unknown kernel.
    """
    makers: dict[str, Callable[[Case, str], Problem]] = {
        "dequant_linear": _dequant_linear,
        "grouped_linear": _grouped_linear,
        "topk": partial(_topk, dtype=torch.bfloat16),
        "topk_float32": partial(_topk, dtype=torch.float32),
        "active_set": _active_set,
    }
    if case.kernel not in makers:
        raise BadInput(f"{case.kernel!r} is no kernel", hint=f"it must be {' or '.join(makers)}")
    return makers[case.kernel](case, device)


def _dequant_linear(case: Case, device: str) -> Problem:
    one = _weights(case.sizes, case.weight_format, device).of(0)
    x = _normal((case.tokens, case.sizes[1]), case.tokens).to(device, _DTYPE)

    wide = _widened(one)
    return Problem(
        lambda: (dequant_linear(x, *one.tensors, codes=one.codes),),
        lambda: (dequant_linear_reference(x, *one.tensors, codes=one.codes),),
        lambda: (dequant_linear_reference(x.double(), *wide.tensors, codes=wide.codes),),
        _tile(one, x),
    )


def _grouped_linear(case: Case, device: str) -> Problem:
    """Rows of all experts but the last, which has none."""
    weights = _weights(case.sizes, case.weight_format, device)
    x = _normal((case.tokens, case.sizes[1]), case.tokens).to(device, _DTYPE)
    drawn = torch.randint(EXPERTS - 1, (case.tokens,), generator=_seeded(case.tokens))
    counts = torch.bincount(drawn, minlength=EXPERTS).to(device, torch.int32)
    wide = _widened(weights)
    return Problem(
        lambda: (grouped_linear(x, counts, weights, "gelu_erf"),),
        lambda: (grouped_linear_reference(x, counts, weights, "gelu_erf"),),
        lambda: (grouped_linear_reference(x.double(), counts, wide, "gelu_erf"),),
    )


def _topk(case: Case, device: str, dtype: torch.dtype) -> Problem:
    """In bfloat16 many logits are equal, and the lower expert comes first."""
    experts, k = case.sizes
    logits = _normal((case.tokens, experts), case.tokens).to(device, dtype)
    return Problem(
        partial(topk, logits, k),
        partial(topk_reference, logits, k),
        partial(topk_reference, logits.double(), k),
    )


def _active_set(case: Case, device: str) -> Problem:
    experts, k = case.sizes
    logits = 2 * _normal((case.tokens, experts), case.tokens)
    scores = torch.softmax(logits, dim=1).to(device)
    prices = torch.full((experts,), _PRICE * case.tokens * k / experts, device=device)
    return Problem(
        partial(active_set, scores, prices, k),
        partial(active_set_reference, scores, prices, k),
        partial(active_set_reference, scores.double(), prices, k),
    )


def _tile(weights: Weights, x: torch.Tensor) -> Tile:
    """The tile that dequant_linear takes for these tensors."""
    (tokens, inputs), (packed, scales, zeros, _) = x.shape, weights.tensors
    layout = layout_of(packed, scales, inputs, zeros, weights.codes)
    gpu = gpu_at(x.get_device()) if x.is_cuda else INTERPRETER
    layer = layer_of(layout, inputs, zeros, weights.codes)
    return choose_tile(gpu, layer, tokens, x.element_size())


def _widened(weights: Weights) -> Weights:
    """The same weights, whose scales and zero points are float64; exponents stay."""
    scales, zeros = weights.scales, weights.zeros
    return replace(
        weights,
        scales=scales.double() if scales.is_floating_point() else scales,
        zeros=None if zeros is None else zeros.double(),
    )


@cache  # once for each layer and process: packing takes longer than any kernel
def _weights(sizes: tuple[int, int], weight_format: str | None, device: str) -> Weights:
    """Weights of `EXPERTS` layers [N, K]: of a format, or of any 4 bits with symmetric scales."""
    outputs, inputs = sizes
    group = next(size for size in _GROUPS if inputs % size == 0)
    drawing = _seeded(outputs)
    if weight_format is not None:
        form = format_named(weight_format, group)
        drawn = (torch.randn(sizes, generator=drawing).to(device) for _ in range(EXPERTS))
        return _stacked([form.quantise(one * _SCALE, _DTYPE) for one in drawn])
    packed = [
        pack(torch.randint(16, sizes, dtype=torch.uint8, generator=drawing).to(device))
        for _ in range(EXPERTS)
    ]
    scales = torch.rand((EXPERTS, inputs // group, outputs), generator=drawing) * _SCALE
    return Weights(torch.stack(packed), scales.to(device, _DTYPE))


def _stacked(own: Sequence[Weights]) -> Weights:
    """Weights of many experts, from those of each."""
    zeros = [one.zeros for one in own if one.zeros is not None]
    return replace(
        own[0],
        packed=torch.stack([one.packed for one in own]),
        scales=torch.stack([one.scales for one in own]),
        zeros=torch.stack(zeros) if zeros else None,
    )


def _normal(shape: tuple[int, ...], seed: int) -> torch.Tensor:
    return torch.randn(shape, generator=_seeded(seed))


def _seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)
