"""Data sheets of GPUs: dense FLOP/s, bytes/s of memory and links, size of the L2, power.

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
_GIB: Final = 1 << 30


@dataclass(frozen=True, slots=True)
class GpuSheet:
    """One data sheet; `pattern` is searched in the GPU's name, reduced to A-Z and 0-9.

    `half_flops` is the rate of float16 and bfloat16. `link_bytes_per_s` is what one GPU exchanges
    with the others, both directions together: NVLink, or PCIe where it has none. `tdp_w` is the
    highest power that the GPU can be set to by its maker. `memory_bytes` counts a data sheet's GB
    as 2**30 bytes, which is what drivers tell (an H100 of 80 GB: 81,559 MiB); of GDDR with error
    correction 15/16. `host_bytes_per_s` is the link to the CPU's memory, PCIe or NVLink-C2C, both
    directions together.
    """

    pattern: str
    title: str
    half_flops: float
    float32_flops: float
    fp8_flops: float | None
    bytes_per_s: float
    l2_bytes: int
    fp4_flops: float | None
    link_bytes_per_s: float
    tdp_w: float
    memory_bytes: float
    host_bytes_per_s: float


# The first pattern that matches counts, so a special one stands before a general one.
_SHEETS: Final = (
    GpuSheet("GB300", "NVIDIA GB300 NVL72 data sheet, 2025", 2500 * _T, 1250 * _T, 5000 * _T,
             8000 * _G, 126 * _MIB, 15000 * _T, 1800 * _G, 1400, 279 * _GIB, 900 * _G),
    GpuSheet("B300", "NVIDIA HGX B300 data sheet, 2025", 2250 * _T, 1125 * _T, 4500 * _T,
             8000 * _G, 126 * _MIB, 13500 * _T, 1800 * _G, 1100, 268 * _GIB, 256 * _G),
    GpuSheet("GB200", "NVIDIA GB200 NVL72 data sheet, 2024", 2500 * _T, 1250 * _T, 5000 * _T,
             8000 * _G, 126 * _MIB, 10000 * _T, 1800 * _G, 1200, 186 * _GIB, 900 * _G),
    GpuSheet("B200", "NVIDIA HGX B200 data sheet, 2024", 2250 * _T, 1125 * _T, 4500 * _T,
             8000 * _G, 126 * _MIB, 9000 * _T, 1800 * _G, 1000, 180 * _GIB, 128 * _G),
    GpuSheet("H200NVL", "NVIDIA H200 data sheet, 2024", 835.5 * _T, 417.5 * _T, 1671 * _T,
             4800 * _G, 50 * _MIB, None, 900 * _G, 600, 141 * _GIB, 128 * _G),
    GpuSheet("GH200.*480", "NVIDIA GH200 data sheet, 2023", 989.5 * _T, 494.5 * _T, 1979 * _T,
             4000 * _G, 50 * _MIB, None, 900 * _G, 900, 96 * _GIB, 900 * _G),
    GpuSheet("GH200", "NVIDIA GH200 data sheet, 2024", 989.5 * _T, 494.5 * _T, 1979 * _T,
             4900 * _G, 50 * _MIB, None, 900 * _G, 900, 144 * _GIB, 900 * _G),
    GpuSheet("H200", "NVIDIA H200 data sheet, 2024", 989.5 * _T, 494.5 * _T, 1979 * _T,
             4800 * _G, 50 * _MIB, None, 900 * _G, 700, 141 * _GIB, 128 * _G),
    GpuSheet("H100PCIE", "NVIDIA H100 data sheet, 2023", 756.5 * _T, 378 * _T, 1513 * _T,
             2000 * _G, 50 * _MIB, None, 600 * _G, 350, 80 * _GIB, 128 * _G),
    GpuSheet("H100NVL", "NVIDIA H100 NVL data sheet, 2024", 835.5 * _T, 417.5 * _T, 1671 * _T,
             3900 * _G, 50 * _MIB, None, 600 * _G, 400, 94 * _GIB, 128 * _G),
    GpuSheet("H100PCAP", "NVIDIA H100 data sheet, 2023, under a power limit of 350 W",
             989.5 * _T, 494.5 * _T, 1979 * _T, 3350 * _G, 50 * _MIB, None, 900 * _G, 350,
             80 * _GIB, 128 * _G),
    GpuSheet("H100", "NVIDIA H100 data sheet, 2023", 989.5 * _T, 494.5 * _T, 1979 * _T,
             3350 * _G, 50 * _MIB, None, 900 * _G, 700, 80 * _GIB, 128 * _G),
    GpuSheet("A100.*PCIE.*80", "NVIDIA A100 data sheet, 2021", 312 * _T, 156 * _T, None,
             1935 * _G, 40 * _MIB, None, 600 * _G, 300, 80 * _GIB, 64 * _G),
    GpuSheet("A100.*40", "NVIDIA A100 data sheet, 2021", 312 * _T, 156 * _T, None,
             1555 * _G, 40 * _MIB, None, 600 * _G, 400, 40 * _GIB, 64 * _G),
    GpuSheet("A100", "NVIDIA A100 data sheet, 2021", 312 * _T, 156 * _T, None,
             2039 * _G, 40 * _MIB, None, 600 * _G, 400, 80 * _GIB, 64 * _G),
    GpuSheet("A40", "NVIDIA A40 data sheet, 2020", 149.7 * _T, 74.8 * _T, None, 696 * _G,
             6 * _MIB, None, 112.5 * _G, 300, 45 * _GIB, 64 * _G),
    GpuSheet("A30", "NVIDIA A30 data sheet, 2021", 165 * _T, 82 * _T, None, 933 * _G, 24 * _MIB,
             None, 200 * _G, 165, 24 * _GIB, 64 * _G),
    GpuSheet("A10", "NVIDIA A10 data sheet, 2021", 125 * _T, 62.5 * _T, None, 600 * _G, 6 * _MIB,
             None, 64 * _G, 150, 22.5 * _GIB, 64 * _G),
    GpuSheet("L40S", "NVIDIA L40S data sheet, 2023", 362.05 * _T, 183 * _T, 733 * _T,
             864 * _G, 96 * _MIB, None, 64 * _G, 350, 45 * _GIB, 64 * _G),
    GpuSheet("L40", "NVIDIA L40 data sheet, 2022", 181.05 * _T, 90.5 * _T, 362 * _T,
             864 * _G, 96 * _MIB, None, 64 * _G, 300, 45 * _GIB, 64 * _G),
    GpuSheet("L4", "NVIDIA L4 data sheet, 2023", 121 * _T, 60 * _T, 242.5 * _T, 300 * _G,
             48 * _MIB, None, 64 * _G, 72, 22.5 * _GIB, 64 * _G),
    GpuSheet("RTXPRO6000.*SERVER", "NVIDIA RTX PRO 6000 Blackwell Server data sheet, 2025",
             503.8 * _T, 251.9 * _T, 1007.6 * _T, 1597 * _G, 128 * _MIB, 2015.2 * _T, 128 * _G,
             600, 96 * _GIB, 128 * _G),
    GpuSheet("RTXPRO6000", "NVIDIA RTX PRO 6000 Blackwell data sheet, 2025",
             503.8 * _T, 251.9 * _T, 1007.6 * _T, 1792 * _G, 128 * _MIB, 2015.2 * _T, 128 * _G,
             600, 96 * _GIB, 128 * _G),
    GpuSheet("RTX5090", "NVIDIA RTX Blackwell architecture, 2025", 209.5 * _T, 104.8 * _T,
             419 * _T, 1792 * _G, 96 * _MIB, 1676 * _T, 128 * _G, 575, 32 * _GIB, 128 * _G),
    GpuSheet("RTX4090", "NVIDIA Ada architecture, 2022", 165.2 * _T, 82.6 * _T, 330.3 * _T,
             1008 * _G, 72 * _MIB, None, 64 * _G, 450, 24 * _GIB, 64 * _G),
    GpuSheet("RTX3090", "NVIDIA GA102 architecture, 2020", 71 * _T, 35.6 * _T, None,
             936 * _G, 6 * _MIB, None, 112.5 * _G, 350, 24 * _GIB, 64 * _G),
    GpuSheet("V100", "NVIDIA V100 data sheet, 2020", 125 * _T, 15.7 * _T, None, 900 * _G,
             6 * _MIB, None, 300 * _G, 300, 32 * _GIB, 32 * _G),
    GpuSheet(r"T4$|T4[^0-9]", "NVIDIA T4 data sheet, 2019", 65 * _T, 8.1 * _T, None,
             320 * _G, 4 * _MIB, None, 32 * _G, 70, 15 * _GIB, 32 * _G),
    GpuSheet("MI300X", "AMD Instinct MI300X data sheet, 2023", 1307.4 * _T, 653.7 * _T, 2614.9 * _T,
             5300 * _G, 256 * _MIB, None, 896 * _G, 750, 192 * _GIB, 128 * _G),
    GpuSheet("MI325X", "AMD Instinct MI325X data sheet, 2024", 1307.4 * _T, 653.7 * _T, 2614.9 * _T,
             6000 * _G, 256 * _MIB, None, 896 * _G, 1000, 256 * _GIB, 128 * _G),
    GpuSheet("MI355X", "AMD Instinct MI355X data sheet, 2025", 2516.6 * _T, 157.3 * _T, 5033.2 * _T,
             8000 * _G, 256 * _MIB, 10066.3 * _T, 1075 * _G, 1400, 288 * _GIB, 128 * _G),
)  # fmt: skip


def data_sheet(gpu_name: str) -> Peaks | None:
    """Find the peaks of a GPU by its name ("NVIDIA H200", "h200_sxm"); None for an unknown one."""
    if (sheet := gpu_sheet(gpu_name)) is None:
        return None
    flops = {"float16": sheet.half_flops, "bfloat16": sheet.half_flops}
    flops["float32"] = sheet.float32_flops
    if sheet.fp8_flops is not None:
        flops["fp8"] = sheet.fp8_flops
    return Peaks(flops, sheet.bytes_per_s, sheet.l2_bytes, sheet.title)


def gpu_sheet(gpu_name: str) -> GpuSheet | None:
    """Find the data sheet of a GPU by its name; None for an unknown one."""
    name = re.sub(r"[^A-Z0-9]", "", gpu_name.upper())
    return next((sheet for sheet in _SHEETS if re.search(sheet.pattern, name)), None)


def known_gpus() -> tuple[str, ...]:
    """Names of the GPUs with a data sheet; some have several, by their memory or form."""
    names = (re.match("[A-Z0-9]+", sheet.pattern) for sheet in _SHEETS)
    return tuple(dict.fromkeys(name[0] for name in names if name))


def cpu_ceiling(threads: int, cache_bytes: int | None) -> Peaks:
    """An upper bound of the rates of CPU threads, which no measured rate may exceed.

    It assumes per core and cycle 2048 operations on 16-bit numbers (AMX tiles) or 64 on 32-bit ones
    (two AVX-512 FMA units), at 6.5 GHz.
    """
    cycles = 6.5e9 * threads
    half = 2048 * cycles
    flops = {"float16": half, "bfloat16": half, "float32": 64 * cycles}
    return Peaks(flops, None, cache_bytes, "what no core exceeds in a cycle")
