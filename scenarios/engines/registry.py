"""The operations of other engines, and which of them can be measured here."""

from collections.abc import Iterator
from typing import Final

from ...store.errors import BadInput
from ..operation import Operation
from ..preset import UNPACKED_BITS, Preset
from . import (
    flashinfer,
    sglang,
    sglang_fp8,
    sglang_packed,
    torch_grouped_mm,
    transformers_grouped_mm,
    triton_kernels,
    vllm,
    vllm_fp8,
    vllm_packed,
)
from .engine import Engine

_MODULES: Final = (
    torch_grouped_mm, transformers_grouped_mm, vllm, vllm_packed, vllm_fp8, sglang, sglang_packed,
    sglang_fp8, flashinfer, triton_kernels,
)  # fmt: skip

OPERATIONS: Final[dict[str, Operation]] = {
    module.OPERATION.name: module.OPERATION for module in _MODULES
}
ENGINES: Final[dict[str, Engine]] = {module.OPERATION.name: module.ENGINE for module in _MODULES}
"""The engine of each operation, by its name."""


def engine_operation(name: str) -> Operation:
    """Give one by its name. Raises BadInput where its package is not here in a known version."""
    engine = ENGINES[name]
    absence = engine.absence()
    if absence is not None:
        raise BadInput(
            f"{name} cannot be measured: {absence}",
            hint=f"{engine.way_out()}, or leave it out: `--ops engines` takes what is here",
        )
    return OPERATIONS[name]


def operations_here(preset: Preset) -> tuple[Operation, ...]:
    """Those that can be measured here and compute the preset's layer."""
    return tuple(one for name, one in OPERATIONS.items() if why_not(name, preset) is None)


def left_out(preset: Preset) -> Iterator[str]:
    """A sentence for each of the others."""
    for name in OPERATIONS:
        reason = why_not(name, preset)
        if reason is not None:
            yield f"{name} is left out: {reason}"


def why_not(name: str, preset: Preset) -> str | None:
    """Why an operation is not measured for a preset here; None where it can be."""
    if ENGINES[name].formats and preset.weight_bits == UNPACKED_BITS:
        return f"it is for packed weights, and those of {preset.name} are not"
    return ENGINES[name].absence() or ENGINES[name].unfit(preset)
