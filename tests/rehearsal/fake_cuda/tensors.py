"""Tensors "on the GPU": they lie in the host's memory, and every call of torch on them is a kernel.

A call is really computed, by torch on the CPU, unless its tensors are so large that it would take
the CPU long: then its result is memory that nobody has written. Its kernel takes the time of the
bytes and operations that it needs. A Triton kernel never runs: these tensors are on the CPU, so
moeprof takes the torch reference beside it.
"""

import math
from collections.abc import Iterable, Iterator
from typing import Any, Final

import torch
from torch.overrides import TorchFunctionMode

from moeprof.tests.rehearsal.fake_cuda.gpu import Gpu

_PRODUCTS: Final = {"mm", "bmm", "linear", "matmul", "__matmul__"}
# Calls for whose result the host waits.
_WAITING: Final = {"item", "tolist", "numpy", "cpu", "equal", "nonzero", "masked_select", "unique"}
_COPYING: Final = {"repeat", "to", "cuda"}  # what fills a pool of inputs is always done
_MOST_ELEMENTS: Final = 1 << 20  # the largest tensor that is computed with


class OnGpu(TorchFunctionMode):
    """Takes the device "cuda" as the host's memory, and makes a kernel of each call on it."""

    def __init__(self, gpu: Gpu) -> None:
        super().__init__()
        self._gpu = gpu

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "")
        given = list(_tensors((*args, *kwargs.values())))
        inputs = [one for one in given if _is_on_gpu(one)]
        if name == "cuda":
            func, args = torch.Tensor.to, (args[0], "cuda", *args[1:])
        is_for_gpu = any(map(_is_cuda, args)) or _is_cuda(kwargs.get("device"))
        if name == "cpu" or not (inputs or is_for_gpu):
            return self._to_host(func, args, kwargs, inputs)
        if inputs and name in _WAITING:
            self._gpu.synchronise()
        most = max((one.numel() for one in given), default=0)
        result = self._computed(func, name, args, kwargs, most)
        if isinstance(result, torch.Tensor | tuple | list):
            return self._on_gpu(name, inputs, result, written="out" in kwargs)
        return result

    def _to_host(self, func: Any, args: Any, kwargs: Any, inputs: list[torch.Tensor]) -> Any:
        if not inputs:
            return func(*args, **kwargs)
        self._gpu.synchronise()
        return args[0].clone()

    def _computed(self, func: Any, name: str, args: Any, kwargs: Any, most: int) -> Any:
        """Call torch, on the host; what would take seconds there is left as it is.

        `most` is the number of elements of the largest tensor that is given.
        """
        args = ["cpu" if _is_cuda(one) else one for one in args]
        kwargs = {key: "cpu" if _is_cuda(one) else one for key, one in kwargs.items()}
        made = math.prod(one for one in args if isinstance(one, int))
        if max(most, made) <= _MOST_ELEMENTS or name in _COPYING:
            return func(*args, **kwargs)
        if name.startswith("rand"):
            return torch.empty(*args, **kwargs)
        if name == "equal" or "out" in kwargs:
            return kwargs.get("out", True)
        return _unwritten(func, args, kwargs)

    def _on_gpu(self, name: str, inputs: list[torch.Tensor], result: Any, *, written: bool) -> Any:
        """Put a result on the GPU, and launch the kernel that makes it."""
        before = {one.untyped_storage().data_ptr() for one in inputs}
        outputs = list(_tensors([result]))
        is_new = any(one.untyped_storage().data_ptr() not in before for one in outputs)
        if not inputs and name == "to" and is_new is False:
            result = result.clone()
            outputs = [result]
        if name in _PRODUCTS and not written:  # else the memory of the result is there already
            self._refuse(*outputs)
        for one in outputs:
            one.untyped_storage().on_gpu = True  # type: ignore[attr-defined]
        in_place = written or (name.endswith("_") and not name.startswith("__"))
        if in_place or (is_new and "empty" not in name):
            moved = sum(one.nbytes for one in [*inputs, *outputs])
            flops = _flops(name, inputs) or sum(one.numel() for one in outputs)
            self._gpu.launch(self._gpu.kernel(f"{name}_kernel", moved, flops))
        return result

    def _refuse(self, product: torch.Tensor) -> None:
        """Raise OutOfMemoryError for a product that is too large; crash at one that does so."""
        crashing = self._gpu.machine.crash_rows
        if crashing is not None and product.shape[0] > crashing:
            self._gpu.crashed = True
        most = self._gpu.machine.oom_rows
        if most is not None and product.shape[0] > most:
            raise torch.OutOfMemoryError(
                f"CUDA out of memory. Tried to allocate {product.nbytes / 2**20:.2f} MiB. GPU 0 has"
                " a total capacity of 139.72 GiB"
            )


def _unwritten(func: Any, args: Any, kwargs: Any) -> Any:
    """Memory for the result of a call; the result itself where it is memory of its arguments."""

    def shape_of(value: Any) -> Any:
        if isinstance(value, torch.Tensor):
            return torch.empty_strided(
                value.size(), value.stride(), dtype=value.dtype, device="meta"
            )
        return type(value)(map(shape_of, value)) if isinstance(value, list | tuple) else value

    given = [shape_of(one) for one in args], {key: shape_of(one) for key, one in kwargs.items()}
    try:
        result = func(*given[0], **given[1])
    except NotImplementedError:  # its shape depends on the numbers
        return func(*args, **kwargs)
    before = {one.untyped_storage()._cdata for one in _tensors([*given[0], *given[1].values()])}
    made = list(_tensors([result]))
    if not made or any(one.untyped_storage()._cdata in before for one in made):
        return func(*args, **kwargs)
    written = [torch.empty(one.shape, dtype=one.dtype) for one in made]
    return written[0] if isinstance(result, torch.Tensor) else tuple(written)


def _is_on_gpu(tensor: torch.Tensor) -> bool:
    return getattr(tensor.untyped_storage(), "on_gpu", False)


def _tensors(values: Iterable[Any]) -> Iterator[torch.Tensor]:
    for value in values:
        if isinstance(value, torch.Tensor):
            yield value
        elif isinstance(value, list | tuple):
            yield from _tensors(value)


def _flops(name: str, inputs: Iterable[Any]) -> int:
    """Operations of a product of matrices; 0 of any other call."""
    if name not in _PRODUCTS:
        return 0
    left, right, *_ = _tensors(inputs)
    return 2 * left.numel() * (right.shape[-2] if name == "linear" else right.shape[-1])


def _is_cuda(value: Any) -> bool:
    if isinstance(value, torch.device):
        return value.type == "cuda"
    return isinstance(value, str) and value.partition(":")[0] == "cuda"
