"""The operations of other engines, and which of them can be measured here."""

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
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
    torch_scaled_grouped_mm,
    transformers_grouped_mm,
    triton_kernels,
    vllm,
    vllm_fp8,
    vllm_packed,
)
from .engine import Engine

_MODULES: Final = (
    torch_grouped_mm, torch_scaled_grouped_mm, transformers_grouped_mm, vllm, vllm_packed, vllm_fp8,
    sglang, sglang_packed, sglang_fp8, flashinfer, triton_kernels,
)  # fmt: skip

OPERATIONS: Final[dict[str, Operation]] = {
    module.OPERATION.name: module.OPERATION for module in _MODULES
}
ENGINES: Final[dict[str, Engine]] = {module.OPERATION.name: module.ENGINE for module in _MODULES}
"""The engine of each operation, by its name."""

Absences = Mapping[str, str]
"""Why operations cannot be measured on a run's device, by name; others may be absent as well."""
NO_ABSENCES: Final[Absences] = MappingProxyType({})


def engine_operation(name: str, absent: Absences) -> Operation:
    """Give one by its name. Raises BadInput where its package is not here in a known version."""
    engine = ENGINES[name]
    absence = absent.get(name) or engine.absence()
    if absence is not None:
        raise BadInput(
            f"{name} cannot be measured: {absence}",
            hint=f"{engine.way_out()}, or leave it out: `--ops engines` takes what is here",
        )
    return OPERATIONS[name]


def operations_here(preset: Preset, absent: Absences = NO_ABSENCES) -> tuple[Operation, ...]:
    """Those that can be measured here and compute the preset's layer."""
    return tuple(one for name, one in OPERATIONS.items() if why_not(name, preset, absent) is None)


def left_out(layers: Sequence[Preset], absent: Absences = NO_ABSENCES) -> Iterator[str]:
    """A sentence for each operation that is not measured here, or not for one of the layers.

    Layers whose weights are not packed say nothing of one on packed weights, where others are.
    """
    for name in OPERATIONS:
        fitting = [layer for layer in layers if not _wants_packed(name, layer)] or layers
        reasons = [(layer.name, why_not(name, layer, absent)) for layer in fitting]
        told = {reason: None for _, reason in reasons if reason is not None}
        if told:
            of = dict.fromkeys(layer for layer, reason in reasons if reason is not None)
            where = "" if all(reason for _, reason in reasons) else f" for {', '.join(of)}"
            yield f"{name} is left out{where}: {'; '.join(told)}"


def why_not(name: str, preset: Preset, absent: Absences = NO_ABSENCES) -> str | None:
    """Why an operation is not measured for a preset here; None where it can be."""
    if _wants_packed(name, preset):
        return f"it is for packed weights, and those of {preset.name} are not"
    return absent.get(name) or ENGINES[name].absence() or ENGINES[name].unfit(preset)


def _wants_packed(name: str, preset: Preset) -> bool:
    return bool(ENGINES[name].formats) and preset.weight_bits == UNPACKED_BITS
