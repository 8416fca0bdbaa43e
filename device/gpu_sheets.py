"""Data sheets of GPUs: dense FLOP/s, bytes/s of memory and links, sizes of memory and L2, power.

Rates are those without sparsity, at boost clock, on tensor cores with FP32 accumulation where a GPU
has another rate for FP16. float32 has the TF32 rate where there is one: an upper bound whether or
not TF32 is allowed. docs/steptime-method.md says which values were read where.
"""

from dataclasses import dataclass
from typing import Final

_T: Final = 1e12
_G: Final = 1e9
_MACHINE_GPUS: Final = 8
_MIB: Final = 1 << 20
_GIB: Final = 1 << 30


@dataclass(frozen=True, slots=True)
class GpuSheet:
    """One data sheet, of one variant of a GPU.

    `name` is the one name that the variant has everywhere. `pattern` matches the whole of each
    other spelling, reduced as in device/peaks.py. `half_flops` is the rate of float16 and bfloat16.
    `link_bytes_per_s` is what one GPU exchanges with the others, both directions together: NVLink
    or Infinity Fabric, or PCIe where it has none. `host_bytes_per_s` is the link to the CPU's
    memory, PCIe or NVLink-C2C, both directions together: half of one that two GPUs share (GB200).
    `memory_bytes` counts a data sheet's GB as 2**30 bytes, which is what drivers tell (an H100 of
    80 GB: 81,559 MiB); of GDDR with error correction 15/16. `tdp_w` is the highest power that the
    GPU can be set to by its maker. `linked_gpus` are joined by such links at most: those of one
    machine, of a rack with NVLink between machines (NVL72), and of cards those that bridges join.
    """

    name: str
    pattern: str
    title: str
    half_flops: float
    float32_flops: float
    fp8_flops: float | None
    fp4_flops: float | None
    bytes_per_s: float
    memory_bytes: float
    l2_bytes: int
    link_bytes_per_s: float
    host_bytes_per_s: float
    tdp_w: float
    linked_gpus: int = _MACHINE_GPUS

    @property
    def exchanging_gpus(self) -> int:
        """GPUs of one machine or rack: beyond bridges cards exchange over PCIe."""
        return max(_MACHINE_GPUS, self.linked_gpus)

    def exchange_bytes_per_s(self, gpus: int) -> float:
        """Both directions together of what one of `gpus` exchanges with the others."""
        return self.link_bytes_per_s if gpus <= self.linked_gpus else self.host_bytes_per_s

    @property
    def vendor(self) -> str:
        """Who makes it: the first word of its data sheet's title."""
        return self.title.split()[0]


def _sheet(
    name: str,
    pattern: str,
    title: str,
    tflops: tuple[float, float, float | None, float | None],
    memory: tuple[float, float, int],
    links_gb_s: tuple[float, float],
    tdp_w: float,
    linked_gpus: int = _MACHINE_GPUS,
) -> GpuSheet:
    """A sheet from TFLOP/s (half, float32, fp8, fp4), memory (GB/s, GB, MiB of L2) and links."""
    half, float32, fp8, fp4 = (None if rate is None else rate * _T for rate in tflops)
    assert half is not None
    assert float32 is not None
    rate, size, cache = memory
    link, host = links_gb_s
    return GpuSheet(
        name, pattern, title, half, float32, fp8, fp4, rate * _G, size * _GIB, cache * _MIB,
        link * _G, host * _G, tdp_w, linked_gpus,
    )  # fmt: skip


_PRO_6000: Final = (503.8, 251.9, 1007.6, 2015.2)
_H100: Final = (989.5, 494.5, 1979, None)
_A100: Final = (312, 156, None, None)
# A name without its form means the SXM module, as in public results; one without its memory, where
# there are several, may be each.
SHEETS: Final = (
    _sheet("GB300", "GB300(SXM6?|NVL72)*", "NVIDIA GB300 NVL72 data sheet, 2025",
           (2500, 1250, 5000, 15000), (8000, 279, 126), (1800, 450), 1400, 72),
    _sheet("B300", "B300(SXM6?|AC)*", "NVIDIA HGX B300 data sheet, 2025",
           (2250, 1125, 4500, 13500), (8000, 268, 126), (1800, 256), 1100),
    _sheet("GB200", "GB200(SXM6?|NVL72)*", "NVIDIA GB200 NVL72 data sheet, 2024",
           (2500, 1250, 5000, 10000), (8000, 186, 126), (1800, 450), 1200, 72),
    _sheet("B200", "B200(SXM6?|180GB?|HBM3E)*", "NVIDIA HGX B200 data sheet, 2024",
           (2250, 1125, 4500, 9000), (8000, 180, 126), (1800, 128), 1000),
    _sheet("H200-NVL", "(?=.*NVL)H200(NVL|141GB?)*", "NVIDIA H200 data sheet, 2024",
           (835.5, 417.5, 1671, None), (4800, 141, 50), (900, 128), 600, 4),
    _sheet("H200", "H200(SXM5?|141GB?|HBM3E)*", "NVIDIA H200 data sheet, 2024",
           _H100, (4800, 141, 50), (900, 128), 700),
    _sheet("GH200-96GB", "GH200(480GB?|120GB?|96GB?|HBM3)*", "NVIDIA GH200 data sheet, 2023",
           _H100, (4000, 96, 50), (900, 900), 900),
    _sheet("GH200-144GB", "GH200(144GB?|HBM3E)*", "NVIDIA GH200 data sheet, 2024",
           _H100, (4900, 144, 50), (900, 900), 900),
    _sheet("H100-PCIe", "(?=.*PCIE)H100(PCIE|80GB?)*", "NVIDIA H100 data sheet, 2023",
           (756.5, 378, 1513, None), (2000, 80, 50), (600, 128), 350, 2),
    _sheet("H100-NVL", "(?=.*NVL)H100(NVL|94GB?)*", "NVIDIA H100 NVL data sheet, 2024",
           (835.5, 417.5, 1671, None), (3900, 94, 50), (600, 128), 400, 2),
    _sheet("H100-PCAP", "H100PCAP", "NVIDIA H100 data sheet, 2023, under a power limit of 350 W",
           _H100, (3350, 80, 50), (900, 128), 350),
    _sheet("H100", "H100(SXM5?|80GB?|HBM3)*", "NVIDIA H100 data sheet, 2023",
           _H100, (3350, 80, 50), (900, 128), 700),
    _sheet("H800", "H800(SXM5?|80GB?|HBM3)*", "NVIDIA H800 data sheet, 2023",
           _H100, (3350, 80, 50), (400, 128), 700),
    _sheet("H20", "H20(SXM5?|96GB?|HBM3)*", "NVIDIA H20 data sheet, 2023",
           (148, 74, 296, None), (4000, 96, 60), (900, 128), 400),
    _sheet("A100-PCIe-80GB", "(?=.*PCIE)A100(PCIE|80GB?)*", "NVIDIA A100 data sheet, 2021",
           _A100, (1935, 80, 40), (600, 64), 300, 2),
    _sheet("A100-PCIe-40GB", "(?=.*PCIE)A100(PCIE|40GB?)*", "NVIDIA A100 data sheet, 2021",
           _A100, (1555, 40, 40), (600, 64), 250, 2),
    _sheet("A100-80GB", "A100(SXM4?|80GB?)*", "NVIDIA A100 data sheet, 2021",
           _A100, (2039, 80, 40), (600, 64), 400),
    _sheet("A100-40GB", "A100(SXM4?|40GB?)*", "NVIDIA A100 data sheet, 2021",
           _A100, (1555, 40, 40), (600, 64), 400),
    _sheet("A800-80GB", "A800(SXM4?|80GB?)*", "NVIDIA A800 data sheet, 2022",
           _A100, (2039, 80, 40), (400, 64), 400),
    _sheet("A40", "A40(48GB?)?", "NVIDIA A40 data sheet, 2020",
           (149.7, 74.8, None, None), (696, 45, 6), (112.5, 64), 300, 2),
    _sheet("A30", "A30(24GB?)?", "NVIDIA A30 data sheet, 2021",
           (165, 82, None, None), (933, 24, 24), (200, 64), 165, 2),
    _sheet("A10", "A10(24GB?)?", "NVIDIA A10 data sheet, 2021",
           (125, 62.5, None, None), (600, 22.5, 6), (64, 64), 150),
    _sheet("L40S", "L40S(48GB?)?", "NVIDIA L40S data sheet, 2023",
           (362.05, 183, 733, None), (864, 45, 96), (64, 64), 350),
    _sheet("L40", "L40(48GB?)?", "NVIDIA L40 data sheet, 2022",
           (181.05, 90.5, 362, None), (864, 45, 96), (64, 64), 300),
    _sheet("L20", "L20(48GB?)?", "NVIDIA L20 data sheet, 2023",
           (119.5, 59.8, 239, None), (864, 45, 96), (64, 64), 275),
    _sheet("L4", "L4(24GB?)?", "NVIDIA L4 data sheet, 2023",
           (121, 60, 242.5, None), (300, 22.5, 48), (64, 64), 72),
    _sheet("RTX-PRO-6000-Server", "RTXPRO6000((BLACKWELL)?SERVER(EDITION)?)?",
           "NVIDIA RTX PRO 6000 Blackwell Server data sheet, 2025",
           _PRO_6000, (1597, 96, 128), (128, 128), 600),
    _sheet("RTX-PRO-6000-Workstation", "RTXPRO6000((BLACKWELL)?WORKSTATION(EDITION)?)?",
           "NVIDIA RTX PRO 6000 Blackwell data sheet, 2025",
           _PRO_6000, (1792, 96, 128), (128, 128), 600),
    _sheet("RTX-6000-Ada", "RTX6000ADA(GENERATION)?(48GB?)?",
           "NVIDIA RTX 6000 Ada data sheet, 2022",
           (364.25, 182.1, 728.5, None), (960, 45, 96), (64, 64), 300),
    _sheet("RTX-A6000", "(RTX)?A6000(48GB?)?", "NVIDIA RTX A6000 data sheet, 2020",
           (154.8, 77.4, None, None), (768, 45, 6), (64, 64), 300),
    _sheet("RTX5090", "RTX5090(32GB?)?", "NVIDIA RTX Blackwell architecture, 2025",
           (209.5, 104.8, 419, 1676), (1792, 32, 96), (128, 128), 575),
    _sheet("RTX4090", "RTX4090(24GB?)?", "NVIDIA Ada architecture, 2022",
           (165.2, 82.6, 330.3, None), (1008, 24, 72), (64, 64), 450),
    _sheet("RTX3090", "RTX3090(24GB?)?", "NVIDIA GA102 architecture, 2020",
           (71, 35.6, None, None), (936, 24, 6), (112.5, 64), 350, 2),
    _sheet("V100-32GB", "V100(SXM[23]?|32GB?)*", "NVIDIA V100 data sheet, 2020",
           (125, 15.7, None, None), (900, 32, 6), (300, 32), 300),
    _sheet("V100-16GB", "V100(SXM2?|16GB?)*", "NVIDIA V100 data sheet, 2020",
           (125, 15.7, None, None), (900, 16, 6), (300, 32), 300),
    _sheet("T4", "T4(16GB?)?", "NVIDIA T4 data sheet, 2019",
           (65, 8.1, None, None), (320, 15, 4), (32, 32), 70),
    _sheet("MI300X", "MI300X(OAM|192GB?|VF)*", "AMD Instinct MI300X data sheet, 2023",
           (1307.4, 653.7, 2614.9, None), (5300, 192, 256), (896, 128), 750),
    _sheet("MI325X", "MI325X(OAM|256GB?|VF)*", "AMD Instinct MI325X data sheet, 2024",
           (1307.4, 653.7, 2614.9, None), (6000, 256, 256), (896, 128), 1000),
    _sheet("MI355X", "MI355X(OAM|288GB?|VF)*", "AMD Instinct MI355X data sheet, 2025",
           (2516.6, 157.3, 5033.2, 10066.3), (8000, 288, 256), (1075, 128), 1400),
)  # fmt: skip
