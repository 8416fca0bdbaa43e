"""What the data sheets say, by variant."""

from moeprof.device.gpu_sheets import SHEETS
from moeprof.device.peaks import gpu_sheet, known_gpus


def test_sheets_hang_together() -> None:
    """Narrower numbers are faster, links slower than the memory, and a variant is listed once."""
    assert len({sheet.name for sheet in SHEETS}) == len(SHEETS)
    for sheet in SHEETS:
        assert 50 <= sheet.tdp_w <= 1400
        assert sheet.float32_flops < sheet.half_flops
        assert 0 < sheet.link_bytes_per_s < sheet.bytes_per_s
        assert sheet.fp8_flops is None or 1.9 < sheet.fp8_flops / sheet.half_flops < 2.1
        assert sheet.fp4_flops is None or sheet.fp4_flops > (sheet.fp8_flops or 0)


def test_a_gpu_is_told_apart_by_memory_and_limit() -> None:
    for name, bytes_per_s, tdp_w in (
        ("NVIDIA GH200 480GB", 4.0e12, 900),
        ("NVIDIA GH200 144G HBM3e", 4.9e12, 900),
        ("H100-PCAP", 3.35e12, 350),
        ("NVIDIA A100-PCIE-40GB", 1.555e12, 250),
        ("NVIDIA A100-SXM4-40GB", 1.555e12, 400),
    ):
        sheet = gpu_sheet(name)
        assert (sheet.bytes_per_s, sheet.tdp_w) == (bytes_per_s, tdp_w)


def test_a_sheet_tells_what_a_gpu_holds_and_how_fast_the_host_feeds_it() -> None:
    gib = 2**30
    for name, memory_bytes, host_bytes_per_s in (
        ("NVIDIA H100 80GB HBM3", 80 * gib, 128e9),  # PCIe 5.0 x16
        ("NVIDIA A100-SXM4-40GB", 40 * gib, 64e9),  # PCIe 4.0 x16
        ("NVIDIA GB200", 186 * gib, 450e9),  # half of the NVLink-C2C of one Grace
        ("NVIDIA GH200 480GB", 96 * gib, 900e9),  # NVLink-C2C
        ("NVIDIA L40S", 45 * gib, 64e9),  # 48 GB, of which 1/16 corrects errors
    ):
        sheet = gpu_sheet(name)
        assert (sheet.memory_bytes, sheet.host_bytes_per_s) == (memory_bytes, host_bytes_per_s)


def test_every_gpu_reads_its_own_memory_faster_than_the_hosts() -> None:
    for name in known_gpus():
        sheet = gpu_sheet(name)
        assert 8 * 2**30 < sheet.memory_bytes <= 288 * 2**30
        assert 16e9 <= sheet.host_bytes_per_s / 2 < sheet.bytes_per_s


def test_cards_exchange_over_pcie_beyond_their_bridges() -> None:
    for name, gpus, bytes_per_s in (
        ("H100-PCIe", 2, 600e9),
        ("H100-PCIe", 4, 128e9),
        ("H200-NVL", 4, 900e9),
        ("A40", 8, 64e9),
        ("L40S", 8, 64e9),
        ("H100", 8, 900e9),
        ("GB200", 72, 1800e9),
    ):
        sheet = gpu_sheet(name)
        assert sheet.exchange_bytes_per_s(gpus) == bytes_per_s
        assert sheet.exchanging_gpus >= gpus


def test_each_sheet_is_of_a_vendor() -> None:
    assert {sheet.vendor for sheet in SHEETS} == {"NVIDIA", "AMD"}
    assert gpu_sheet("MI355X").vendor == "AMD"
    assert gpu_sheet("T4").vendor == "NVIDIA"
