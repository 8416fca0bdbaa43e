"""The cases on which the kernels are checked, in the order in which they tell most.

On a GPU these are layers of real models. Batch sizes lie at the edges of tiles and beyond: those of
64 rows and more come first, because compilers have emitted hazards there (docs/kernels.md). The
interpreter of Triton takes seconds for what a GPU does in microseconds, so its cases are small.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, product, zip_longest
from typing import Final

from ..formats.names import FORMATS

EXPERTS: Final = 8  # in a grouped product
TIMES_TORCH: Final = 2.0  # the error that a kernel may have, over that of torch

# Outputs and inputs of fc1: Mixtral 8x7B, an expert of DeepSeek-V3, one of Qwen3 30B-A3B.
_LAYERS: Final = ((14336, 4096), (2048, 7168), (768, 2048))
_TOKENS: Final = (64, 256, 16, 1, 512, 65, 128, 17, 33, 83, 129, 147)
_GROUPED_TOKENS: Final = (64, 512, 16, 2048)
_ROUTERS: Final = ((128, 8), (256, 8), (512, 8), (8, 2))  # experts, and how many a token takes
_ROUTED_TOKENS: Final = (64, 4096, 1)
_DECODE_TOKENS: Final = (64, 256, 1)

_SMALL_LAYERS: Final = ((70, 192), (144, 512))
_SMALL_BLOCKS: Final = (128, 256)  # 128 x 128 weights share a scale
_SMALL_TOKENS: Final = (17, 1)
_SMALL_ROUTERS: Final = ((128, 8), (8, 2))

_OF_PACKED: Final = ("dequant_linear", "grouped_linear")


@dataclass(frozen=True, slots=True)
class Case:
    """One kernel on one problem of `tokens` rows.

    Activations and weights' scales are bfloat16, as are the logits but of `topk_float32`: keys of
    16 bits and of 32 take another way through the kernel.
    `sizes` are the outputs and inputs of a layer, or the experts of a router and how many of them a
    token takes. `weight_format` is that of a layer's weights; None are integers of 4 bits at
    random, each as often as any other.
    """

    kernel: str
    sizes: tuple[int, int]
    tokens: int
    weight_format: str | None = None

    @property
    def name(self) -> str:
        """The kernel, its weights, sizes and tokens, as `topk 128x8 b=64`."""
        kernel = " ".join(filter(None, (self.kernel, self.weight_format)))
        return f"{kernel} {self.sizes[0]}x{self.sizes[1]} b={self.tokens}"


def gpu_cases() -> list[Case]:
    """Cases for a GPU: all kernels in turns, so that each has been seen when time runs out."""
    return _in_turns(
        _cases("dequant_linear", _LAYERS, _TOKENS),
        _cases("topk", _ROUTERS, _ROUTED_TOKENS),
        _cases("grouped_linear", _LAYERS, _GROUPED_TOKENS),
        _cases("active_set", _ROUTERS[:2], _DECODE_TOKENS),
        _cases("topk_float32", _ROUTERS, _ROUTED_TOKENS[:2]),
        _in_each_format(_LAYERS[-1], _TOKENS[0]),
    )


def interpreter_cases() -> list[Case]:
    """Cases for Triton's interpreter: seconds in all."""
    return _in_turns(
        _cases("dequant_linear", _SMALL_LAYERS, _SMALL_TOKENS),
        _cases("topk", _SMALL_ROUTERS, _SMALL_TOKENS),
        _cases("grouped_linear", _SMALL_LAYERS, _SMALL_TOKENS),
        _cases("active_set", _SMALL_ROUTERS, _SMALL_TOKENS),
        _cases("topk_float32", _SMALL_ROUTERS, _SMALL_TOKENS[:1]),
        _in_each_format(_SMALL_BLOCKS, _SMALL_TOKENS[0]),
    )


def _cases(kernel: str, sizes: Sequence[tuple[int, int]], tokens: Sequence[int]) -> Iterator[Case]:
    return (Case(kernel, size, count) for count, size in product(tokens, sizes))


def _in_each_format(sizes: tuple[int, int], tokens: int) -> Iterator[Case]:
    """Each kernel of packed weights once on those of each format, but of int4: the other cases'."""
    others = [own for own in FORMATS if own != "int4"]
    return (Case(name, sizes, tokens, own) for own, name in product(others, _OF_PACKED))


def _in_turns(*kernels: Iterator[Case]) -> list[Case]:
    rounds = zip_longest(*kernels)
    return [case for case in chain.from_iterable(rounds) if case is not None]
