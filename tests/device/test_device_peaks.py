"""Peak rates by the name of a GPU in any spelling; an unknown name has none."""

import pytest

from moeprof.device.peaks import cpu_ceiling, data_sheet, gpu_sheet, known_gpus


@pytest.mark.parametrize(
    ("name", "bytes_per_s"),
    [
        ("NVIDIA H200", 4.8e12),
        ("h200_sxm", 4.8e12),
        ("NVIDIA H100 PCIe", 2.0e12),
        ("NVIDIA H100 80GB HBM3", 3.35e12),
        ("NVIDIA A100-SXM4-80GB", 2.039e12),
        ("NVIDIA A100-PCIE-40GB", 1.555e12),
        ("A100", 2.039e12),
        ("RTXPRO6000", 1.792e12),
        ("NVIDIA GeForce RTX 4090", 1.008e12),
        ("NVIDIA L40S", 0.864e12),
        ("NVIDIA L4", 0.3e12),
        ("Tesla T4", 0.32e12),
    ],
)
def test_a_gpu_is_found_however_its_name_is_written(name: str, bytes_per_s: float) -> None:
    peaks = data_sheet(name)
    assert peaks is not None
    assert peaks.bytes_per_s == bytes_per_s
    assert peaks.cache_bytes is not None
    assert peaks.flops_per_s["bfloat16"] > peaks.flops_per_s["float32"]
    assert peaks.source.startswith("NVIDIA")


@pytest.mark.parametrize("name", ["Example GPU", "AMD EPYC 9654", "", "Intel(R) Xeon(R)"])
def test_what_is_not_known_has_no_peaks(name: str) -> None:
    assert data_sheet(name) is None


def test_a_rate_that_a_gpu_lacks_is_not_invented() -> None:
    a100, h200 = data_sheet("A100"), data_sheet("H200")
    assert a100 is not None
    assert h200 is not None
    assert "fp8" not in a100.flops_per_s
    assert h200.flops_per_s["fp8"] == 2 * h200.flops_per_s["bfloat16"]


def test_threads_raise_the_ceiling_of_a_cpu() -> None:
    one, two = cpu_ceiling(1, None), cpu_ceiling(2, 1 << 25)
    assert two.flops_per_s["float32"] == 2 * one.flops_per_s["float32"]
    assert (two.cache_bytes, two.bytes_per_s) == (1 << 25, None)


def test_every_known_gpu_has_a_sheet_with_links_and_power() -> None:
    names = known_gpus()
    assert {"H100", "B200", "RTX4090", "MI300X", "T4"} <= set(names)
    for name in names:
        sheet = gpu_sheet(name)
        assert sheet is not None
        assert 50 <= sheet.tdp_w <= 1400
        assert 0 < sheet.link_bytes_per_s < sheet.bytes_per_s
        assert sheet.fp4_flops is None or sheet.fp4_flops > (sheet.fp8_flops or 0)


def test_a_gpu_is_told_apart_by_memory_and_limit() -> None:
    for name, bytes_per_s, tdp_w in (
        ("NVIDIA GH200 480GB", 4.0e12, 900),
        ("NVIDIA GH200 144G HBM3e", 4.9e12, 900),
        ("H100-PCAP", 3.35e12, 350),
    ):
        sheet = gpu_sheet(name)
        assert sheet is not None
        assert (sheet.bytes_per_s, sheet.tdp_w) == (bytes_per_s, tdp_w)


def test_a_sheet_tells_what_a_gpu_holds_and_how_fast_the_host_feeds_it() -> None:
    gib = 2**30
    for name, memory_bytes, host_bytes_per_s in (
        ("NVIDIA H100 80GB HBM3", 80 * gib, 128e9),  # PCIe 5.0 x16
        ("NVIDIA A100-SXM4-40GB", 40 * gib, 64e9),  # PCIe 4.0 x16
        ("NVIDIA GB200", 186 * gib, 900e9),  # NVLink-C2C
        ("NVIDIA L40S", 45 * gib, 64e9),  # 48 GB, of which 1/16 corrects errors
    ):
        sheet = gpu_sheet(name)
        assert sheet is not None
        assert (sheet.memory_bytes, sheet.host_bytes_per_s) == (memory_bytes, host_bytes_per_s)


def test_every_gpu_reads_its_own_memory_faster_than_the_hosts() -> None:
    for name in known_gpus():
        sheet = gpu_sheet(name)
        assert sheet is not None
        assert 8 * 2**30 < sheet.memory_bytes <= 288 * 2**30
        assert 16e9 <= sheet.host_bytes_per_s / 2 < sheet.bytes_per_s
