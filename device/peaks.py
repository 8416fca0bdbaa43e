"""Peak rates of GPUs from their data sheets: dense FLOP/s, bytes/s, and the size of the L2.

Rates are those without sparsity, at boost clock, on tensor cores with FP32 accumulation where a GPU
has another rate for FP16. float32 has the TF32 rate where there is one: an upper bound whether or
not TF32 is allowed.
"""

import re
from dataclasses import dataclass
from typing import Final

from ..store.cost_model import Peaks

_T: Final = 1e12
_G: Final = 1e9
_MIB: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class _Sheet:
    """One data sheet; `pattern` is searched in the GPU's name, reduced to A-Z and 0-9."""

    pattern: str
    title: str
    half_flops: float  # float16 and bfloat16
    float32_flops: float
    fp8_flops: float | None
    bytes_per_s: float
    l2_bytes: int


# The first pattern that matches counts, so a special one stands before a general one.
_SHEETS: Final = (
    _Sheet("GB300", "NVIDIA GB300 NVL72 data sheet, 2025", 2500 * _T, 1250 * _T, 5000 * _T,
           8000 * _G, 126 * _MIB),
    _Sheet("B300", "NVIDIA HGX B300 data sheet, 2025", 2250 * _T, 1125 * _T, 4500 * _T,
           8000 * _G, 126 * _MIB),
    _Sheet("GB200", "NVIDIA GB200 NVL72 data sheet, 2024", 2500 * _T, 1250 * _T, 5000 * _T,
           8000 * _G, 126 * _MIB),
    _Sheet("B200", "NVIDIA HGX B200 data sheet, 2024", 2250 * _T, 1125 * _T, 4500 * _T,
           8000 * _G, 126 * _MIB),
    _Sheet("H200NVL", "NVIDIA H200 data sheet, 2024", 835.5 * _T, 417.5 * _T, 1671 * _T,
           4800 * _G, 50 * _MIB),
    _Sheet("GH200", "NVIDIA GH200 data sheet, 2024", 989.5 * _T, 494.5 * _T, 1979 * _T,
           4900 * _G, 50 * _MIB),
    _Sheet("H200", "NVIDIA H200 data sheet, 2024", 989.5 * _T, 494.5 * _T, 1979 * _T,
           4800 * _G, 50 * _MIB),
    _Sheet("H100PCIE", "NVIDIA H100 data sheet, 2023", 756.5 * _T, 378 * _T, 1513 * _T,
           2000 * _G, 50 * _MIB),
    _Sheet("H100NVL", "NVIDIA H100 NVL data sheet, 2024", 835.5 * _T, 417.5 * _T, 1671 * _T,
           3900 * _G, 50 * _MIB),
    _Sheet("H100", "NVIDIA H100 data sheet, 2023", 989.5 * _T, 494.5 * _T, 1979 * _T,
           3350 * _G, 50 * _MIB),
    _Sheet("A100.*PCIE.*80", "NVIDIA A100 data sheet, 2021", 312 * _T, 156 * _T, None,
           1935 * _G, 40 * _MIB),
    _Sheet("A100.*40", "NVIDIA A100 data sheet, 2021", 312 * _T, 156 * _T, None,
           1555 * _G, 40 * _MIB),
    _Sheet("A100", "NVIDIA A100 data sheet, 2021", 312 * _T, 156 * _T, None,
           2039 * _G, 40 * _MIB),
    _Sheet("A40", "NVIDIA A40 data sheet, 2020", 149.7 * _T, 74.8 * _T, None, 696 * _G, 6 * _MIB),
    _Sheet("A30", "NVIDIA A30 data sheet, 2021", 165 * _T, 82 * _T, None, 933 * _G, 24 * _MIB),
    _Sheet("A10", "NVIDIA A10 data sheet, 2021", 125 * _T, 62.5 * _T, None, 600 * _G, 6 * _MIB),
    _Sheet("L40S", "NVIDIA L40S data sheet, 2023", 362.05 * _T, 183 * _T, 733 * _T,
           864 * _G, 96 * _MIB),
    _Sheet("L40", "NVIDIA L40 data sheet, 2022", 181.05 * _T, 90.5 * _T, 362 * _T,
           864 * _G, 96 * _MIB),
    _Sheet("L4", "NVIDIA L4 data sheet, 2023", 121 * _T, 60 * _T, 242.5 * _T, 300 * _G, 48 * _MIB),
    _Sheet("RTXPRO6000.*SERVER", "NVIDIA RTX PRO 6000 Blackwell Server data sheet, 2025",
           503.8 * _T, 251.9 * _T, 1007.6 * _T, 1597 * _G, 128 * _MIB),
    _Sheet("RTXPRO6000", "NVIDIA RTX PRO 6000 Blackwell data sheet, 2025",
           503.8 * _T, 251.9 * _T, 1007.6 * _T, 1792 * _G, 128 * _MIB),
    _Sheet("RTX5090", "NVIDIA RTX Blackwell architecture, 2025", 209.5 * _T, 104.8 * _T,
           419 * _T, 1792 * _G, 96 * _MIB),
    _Sheet("RTX4090", "NVIDIA Ada architecture, 2022", 165.2 * _T, 82.6 * _T, 330.3 * _T,
           1008 * _G, 72 * _MIB),
    _Sheet("RTX3090", "NVIDIA GA102 architecture, 2020", 71 * _T, 35.6 * _T, None,
           936 * _G, 6 * _MIB),
    _Sheet("V100", "NVIDIA V100 data sheet, 2020", 125 * _T, 15.7 * _T, None, 900 * _G, 6 * _MIB),
    _Sheet(r"T4$|T4[^0-9]", "NVIDIA T4 data sheet, 2019", 65 * _T, 8.1 * _T, None,
           320 * _G, 4 * _MIB),
)  # fmt: skip


def data_sheet(gpu_name: str) -> Peaks | None:
    """Find the peaks of a GPU by its name ("NVIDIA H200", "h200_sxm"); None for an unknown one."""
    name = re.sub(r"[^A-Z0-9]", "", gpu_name.upper())
    for sheet in _SHEETS:
        if re.search(sheet.pattern, name):
            flops = {"float16": sheet.half_flops, "bfloat16": sheet.half_flops}
            flops["float32"] = sheet.float32_flops
            if sheet.fp8_flops is not None:
                flops["fp8"] = sheet.fp8_flops
            return Peaks(flops, sheet.bytes_per_s, sheet.l2_bytes, sheet.title)
    return None


def cpu_ceiling(threads: int, cache_bytes: int | None) -> Peaks:
    """An upper bound of the rates of CPU threads, which no measured rate may exceed.

    It assumes per core and cycle 2048 operations on 16-bit numbers (AMX tiles) or 64 on 32-bit ones
    (two AVX-512 FMA units), at 6.5 GHz.
    """
    cycles = 6.5e9 * threads
    half = 2048 * cycles
    flops = {"float16": half, "bfloat16": half, "float32": 64 * cycles}
    return Peaks(flops, None, cache_bytes, "what no core exceeds in a cycle")
