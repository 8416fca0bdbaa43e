"""Peak rates of a GPU, found by the name that a driver, a result file or a user gives it.

Every name is reduced to letters and digits, without its maker and product line, and must then be
the whole of what a sheet's pattern tells: "NVIDIA H100 80GB HBM3", "h100_sxm" and "H100" are one
variant, and a slice of a GPU ("... MIG 1g.10gb"), a laptop's or an unlisted one is none.
"""

import re
from typing import Final

from ..store.cost_model import Peaks
from ..store.errors import BadInput, shortened
from .gpu_sheets import SHEETS, GpuSheet

__all__ = ["GpuSheet", "cpu_ceiling", "data_sheet", "gpu_sheet", "known_gpus", "sheets_named"]

_MAKERS: Final = ("NVIDIA", "TESLA", "GEFORCE", "AMD", "INSTINCT", "HGX", "DGX")


def sheets_named(gpu_name: str) -> tuple[GpuSheet, ...]:
    """The variants that a name may mean, in the order of the list; none for an unknown name."""
    words = re.sub(r"[^A-Z0-9]", " ", gpu_name.upper()).split()
    name = "".join(word for word in words if word not in _MAKERS)
    return tuple(sheet for sheet in SHEETS if re.fullmatch(sheet.pattern, name))


def gpu_sheet(gpu_name: str) -> GpuSheet:
    """The data sheet of the one variant that a name means.

    Raises BadInput for an unknown name, and for one that may be several variants.
    """
    found = sheets_named(gpu_name)
    if not found:
        raise BadInput(
            f"the GPU {shortened(gpu_name)!r} is unknown", hint=f"known: {', '.join(known_gpus())}"
        )
    if len(found) > 1:
        raise BadInput(
            f"the GPU {shortened(gpu_name)!r} may be one of several, whose rates differ",
            hint=f"give one of: {', '.join(sheet.name for sheet in found)}",
        )
    return found[0]


def data_sheet(gpu_name: str) -> Peaks | None:
    """Find the peaks of a GPU by its name ("NVIDIA H200", "h200_sxm"); None for an unknown one.

    Of several variants that a name may mean, the one with the fastest memory: an upper bound.
    """
    if not (found := sheets_named(gpu_name)):
        return None
    sheet = max(found, key=lambda one: one.bytes_per_s)
    flops = {"float16": sheet.half_flops, "bfloat16": sheet.half_flops}
    flops["float32"] = sheet.float32_flops
    if sheet.fp8_flops is not None:
        flops["fp8"] = sheet.fp8_flops
    title = sheet.title
    if len(found) > 1:
        title += f" ({sheet.name}, the fastest that {shortened(gpu_name)} may be)"
    return Peaks(flops, sheet.bytes_per_s, sheet.l2_bytes, title)


def known_gpus() -> tuple[str, ...]:
    """Names of the GPUs with a data sheet, each of one variant."""
    return tuple(sheet.name for sheet in SHEETS)


def cpu_ceiling(threads: int, cache_bytes: int | None) -> Peaks:
    """An upper bound of the rates of CPU threads, which no measured rate may exceed.

    It assumes per core and cycle 2048 operations on 16-bit numbers (AMX tiles) or 64 on 32-bit ones
    (two AVX-512 FMA units), at 6.5 GHz.
    """
    cycles = 6.5e9 * threads
    half = 2048 * cycles
    flops = {"float16": half, "bfloat16": half, "float32": 64 * cycles}
    return Peaks(flops, None, cache_bytes, "what no core exceeds in a cycle")
