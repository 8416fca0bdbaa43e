"""Checks one case: the error against float64, and whether many runs give the same bits.

The kernel may err by twice as much as torch does in the same dtypes, so no limit depends on a size
(the criterion of FlashAttention's tests). Integers of a result must be equal. A kernel that is not
deterministic shows it best beside other work: the runs take place while a second stream keeps the
GPU busy, so that programs are placed on its multiprocessors in another order each time.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import isfinite
from typing import Final

import torch

from ...store.errors import CannotMeasure
from ..backend import runs_kernel
from ..tiling.tiles import Tile
from .cases import Case
from .poison import poisoned
from .problems import Results, make_problem

_ROUNDING: Final = 5e-7  # added to torch's error: float32 is summed in another order
_SIDE: Final = 2048  # rows of the matrices that keep the second stream busy
_AHEAD: Final = 4  # products queued on it
_RUNS_PER_PRODUCT: Final = 4


@dataclass(frozen=True, slots=True)
class KernelCheck:
    """What came of one case on a device.

    `times_torch` is the error against float64 over that of torch in the same dtypes: the larger of
    the ratios of the 2-norms and of the worst elements; None where the result is not finite.
    `wrong_integers` counts differing integers of the results, such as expert ids. Of `runs` further
    runs, `different` gave other bits than the first. `first_s` is the first run, with compilation,
    and `took_s` the whole check. `tile` is that of dequant_linear, None for other kernels.
    """

    case: Case
    times_torch: float | None
    wrong_integers: int
    runs: int
    different: int
    first_s: float
    took_s: float
    tile: Tile | None = None


def check_kernel(case: Case, device: str, runs: int, limit_s: float) -> KernelCheck:
    """Check a case on `device` ("cpu" or "cuda:N"): `runs` further runs, fewer after `limit_s`.

    The first run, and the results that it is held against, are not in that time. On a CPU it is
    Triton's interpreter that runs. Raises CannotMeasure where the torch reference would compute
    instead of the kernel.
    """
    if not runs_kernel(torch.empty(1, device=device)):
        raise CannotMeasure("Triton's kernels do not run here, but the torch references")
    begin_s = time.monotonic()
    with torch.inference_mode():
        problem = make_problem(case, device)
        launched_s = time.monotonic()
        with poisoned():
            first = problem.by_kernel()
            _synchronise(device)
        first_s = time.monotonic() - launched_s
        times_torch, wrong = _compared(first, problem.by_torch(), problem.exact())
        end_s = time.monotonic() + limit_s
        done, different = _repeated(problem.by_kernel, first, runs, end_s)
    took_s = time.monotonic() - begin_s
    return KernelCheck(case, times_torch, wrong, done, different, first_s, took_s, problem.tile)


def _compared(found: Results, by_torch: Results, exact: Results) -> tuple[float | None, int]:
    """Error of floats relative to torch's, and number of wrong integers."""
    ratios, wrong = [0.0], 0
    for mine, torchs, true in zip(found, by_torch, exact, strict=True):
        if true.dtype.is_floating_point:
            pairs = zip(_errors(mine, true), _errors(torchs, true), strict=True)
            ratios += [own / (theirs + _ROUNDING) for own, theirs in pairs]
        else:
            wrong += int((mine != true).sum())
    finite = all(map(isfinite, ratios))
    return max(ratios) if finite else None, wrong


def _errors(found: torch.Tensor, exact: torch.Tensor) -> tuple[float, float]:
    """Error by the 2-norm and of the worst element, both relative to the exact result."""
    off = found.double() - exact
    norm, largest = (max(float(size), 1e-300) for size in (exact.norm(), exact.abs().max()))
    return float(off.norm()) / norm, float(off.abs().max()) / largest


def _repeated(
    kernel: Callable[[], Results], first: Results, runs: int, end_s: float
) -> tuple[int, int]:
    """Run the kernel again; count the runs, and those that gave other bits."""
    done = different = 0
    busy = _busy_stream(first[0].device)
    while done < runs and time.monotonic() < end_s:
        if done % _RUNS_PER_PRODUCT == 0:
            next(busy)
        different += not all(map(_same_bits, kernel(), first))
        done += 1
    return done, different


def _same_bits(one: torch.Tensor, other: torch.Tensor) -> bool:
    return torch.equal(one.contiguous().view(torch.uint8), other.contiguous().view(torch.uint8))


def _busy_stream(device: torch.device) -> Iterator[None]:
    """Queue another product on a second stream of a GPU at each step; do nothing on a CPU."""
    if device.type != "cuda":
        while True:
            yield
    stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
    matrix = torch.randn(_SIDE, _SIDE, device=device)
    stream.wait_stream(torch.cuda.current_stream(device))
    while True:
        with torch.cuda.stream(stream):
            for _ in range(_AHEAD if stream.query() else 1):
                torch.mm(matrix, matrix)
        yield


def _synchronise(device: str) -> None:
    if device != "cpu":
        torch.cuda.synchronize(device)
