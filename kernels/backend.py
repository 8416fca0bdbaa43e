"""Import Triton if it is installed; kernel files import without it too.

A kernel file imports `jit`, `tl` and `triton` from here, and calls `runs_kernel` to choose between
its kernel and its torch reference. It needs `from __future__ import annotations`, because its
signatures name `tl.constexpr`, and `tl` may be None.
"""

import logging
from functools import cache
from typing import Any

import torch

__all__ = [
    "gpu_of",
    "interprets",
    "jit",
    "runs_kernel",
    "tl",
    "triton",
    "warn_that_triton_is_missing",
]

_log = logging.getLogger(__name__)

try:
    import triton
    import triton.language as tl

    jit = triton.jit
except ImportError:  # Triton exists for Linux alone
    triton = tl = None

    def jit(function: Any = None, **_: Any) -> Any:
        """Return the kernel unchanged: nothing launches it."""
        return function or jit


def runs_kernel(tensor: torch.Tensor) -> bool:
    """Whether the Triton kernel computes for `tensor`; otherwise the torch reference does.

    True for a tensor on a GPU if Triton is installed, and for every tensor in Triton's interpreter
    (TRITON_INTERPRET=1).
    """
    if triton is None:
        if tensor.is_cuda:
            warn_that_triton_is_missing()
        return False
    return tensor.is_cuda or interprets()


def gpu_of(tensor: torch.Tensor) -> torch.cuda.device:
    """Context in which the GPU of `tensor` is current: Triton launches on the current GPU.

    It has no effect for a tensor on the CPU.
    """
    return torch.cuda.device_of(tensor)  # type: ignore[no-untyped-call]


def interprets() -> bool:
    """Whether kernels run in Triton's interpreter, whose bfloat16 arithmetic is wrong."""
    return bool(triton.knobs.runtime.interpret)


@cache
def warn_that_triton_is_missing() -> None:
    """Log, once in a process, that the torch references compute on the GPU."""
    _log.warning("triton is not installed: the torch references compute on the GPU instead")
