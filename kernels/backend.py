"""Triton where it is installed; without it kernel files import just the same.

A kernel file takes `jit`, `tl` and `triton` from here and asks `runs_kernel` which of its two
implementations computes. It needs `from __future__ import annotations`, because `tl.constexpr`
stands in its signatures.
"""

import logging
from functools import cache
from typing import Any

import torch

__all__ = ["gpu_of", "interprets", "jit", "runs_kernel", "tl", "triton"]

_log = logging.getLogger(__name__)

try:
    import triton
    import triton.language as tl

    jit = triton.jit
except ImportError:  # there is no Triton but on Linux
    triton = tl = None

    def jit(function: Any = None, **_: Any) -> Any:
        """Leave a kernel as it is: nothing will launch it."""
        return function or jit


def runs_kernel(tensor: torch.Tensor) -> bool:
    """Whether the Triton kernel computes for `tensor`, rather than the torch reference.

    It does for a tensor on a GPU where Triton is installed, and for every tensor in Triton's
    interpreter (TRITON_INTERPRET=1).
    """
    if triton is None:
        if tensor.is_cuda:
            _say_that_triton_is_missing()
        return False
    return tensor.is_cuda or interprets()


def gpu_of(tensor: torch.Tensor) -> torch.cuda.device:
    """A context in which the GPU of `tensor` is the current one, where Triton launches.

    It does nothing for a tensor that is on no GPU.
    """
    return torch.cuda.device_of(tensor)  # type: ignore[no-untyped-call]


def interprets() -> bool:
    """Whether kernels run in Triton's interpreter, which computes bfloat16 wrongly."""
    return bool(triton.knobs.runtime.interpret)


@cache
def _say_that_triton_is_missing() -> None:
    _log.warning("triton is not installed: the torch references compute on the GPU instead")
