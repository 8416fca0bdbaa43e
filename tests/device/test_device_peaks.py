"""Peak rates by the name of a GPU in any spelling; an unknown name has none."""

import csv
from pathlib import Path

import pytest

from moeprof.device.peaks import cpu_ceiling, data_sheet, gpu_sheet, known_gpus, sheets_named
from moeprof.store.errors import BadInput


@pytest.mark.parametrize(
    ("spelled", "name"),
    [
        # As drivers tell them.
        ("NVIDIA H100 80GB HBM3", "H100"),
        ("NVIDIA H100 PCIe", "H100-PCIe"),
        ("NVIDIA H100 NVL", "H100-NVL"),
        ("NVIDIA A100-SXM4-80GB", "A100-80GB"),
        ("NVIDIA A100-SXM4-40GB", "A100-40GB"),
        ("NVIDIA A100-PCIE-40GB", "A100-PCIe-40GB"),
        ("NVIDIA A100 80GB PCIe", "A100-PCIe-80GB"),
        ("NVIDIA GH200 480GB", "GH200-96GB"),
        ("NVIDIA GH200 144G HBM3e", "GH200-144GB"),
        ("NVIDIA H800", "H800"),
        ("NVIDIA H20", "H20"),
        ("NVIDIA A800-SXM4-80GB", "A800-80GB"),
        ("NVIDIA L20", "L20"),
        ("NVIDIA RTX A6000", "RTX-A6000"),
        ("NVIDIA RTX 6000 Ada Generation", "RTX-6000-Ada"),
        ("NVIDIA H200", "H200"),
        ("NVIDIA H200 NVL", "H200-NVL"),
        ("NVIDIA B200", "B200"),
        ("NVIDIA B300 SXM6 AC", "B300"),
        ("NVIDIA GB200", "GB200"),
        ("NVIDIA GB300", "GB300"),
        ("Tesla V100-SXM2-32GB", "V100-32GB"),
        ("Tesla T4", "T4"),
        ("NVIDIA L40S", "L40S"),
        ("NVIDIA L4", "L4"),
        ("NVIDIA GeForce RTX 4090", "RTX4090"),
        ("NVIDIA RTX PRO 6000 Blackwell Server Edition", "RTX-PRO-6000-Server"),
        ("NVIDIA RTX PRO 6000 Blackwell Workstation Edition", "RTX-PRO-6000-Workstation"),
        ("AMD Instinct MI300X", "MI300X"),
        ("AMD Instinct MI300X VF", "MI300X"),
        # As users, results and tables spell them.
        ("H100", "H100"),
        ("h100_sxm", "H100"),
        ("H100-SXM5-80GB", "H100"),
        ("NVIDIA-H100-80GB-HBM3", "H100"),
        ("H100 80GB SXM5", "H100"),
        ("A100-80GB-SXM4", "A100-80GB"),
        ("A100-PCIE-80GB", "A100-PCIe-80GB"),
        ("GH200 120GB", "GH200-96GB"),  # the size of the CPU's memory
        ("DGX B200", "B200"),
        ("H100-PCAP", "H100-PCAP"),
        ("h200_sxm", "H200"),
        ("A100-80G", "A100-80GB"),
        ("b200_sxm", "B200"),
        ("mi355x", "MI355X"),
    ],
)
def test_a_variant_has_one_name_however_it_is_spelled(spelled: str, name: str) -> None:
    assert gpu_sheet(spelled).name == name


@pytest.mark.parametrize(
    ("spelled", "among"),
    [
        ("A100", ["A100-80GB", "A100-40GB"]),
        ("NVIDIA A100 PCIe", ["A100-PCIe-80GB", "A100-PCIe-40GB"]),
        ("GH200", ["GH200-96GB", "GH200-144GB"]),
        ("RTX PRO 6000", ["RTX-PRO-6000-Server", "RTX-PRO-6000-Workstation"]),
    ],
)
def test_a_name_of_several_variants_is_refused_with_their_names(
    spelled: str, among: list[str]
) -> None:
    with pytest.raises(BadInput, match="one of several") as refusal:
        gpu_sheet(spelled)
    assert ", ".join(among) in refusal.value.hint
    peaks = data_sheet(spelled)
    assert peaks is not None
    assert peaks.bytes_per_s == max(one.bytes_per_s for one in sheets_named(spelled))
    assert "the fastest" in peaks.source


@pytest.mark.parametrize(
    "name",
    [
        "Example GPU",
        "AMD EPYC 9654",
        "",
        "Intel(R) Xeon(R)",
        "H1000",
        "NVIDIA H100 80GB HBM3 MIG 1g.10gb",
        "NVIDIA GeForce RTX 4090 Laptop GPU",
        "NVIDIA RTX A4000",
        "NVIDIA A10G",
        "NVIDIA RTX PRO 6000 Blackwell Max-Q Workstation Edition",
    ],
)
def test_what_is_not_listed_has_no_peaks(name: str) -> None:
    """Slices of a GPU, laptops and others whose names begin alike included."""
    assert data_sheet(name) is None
    with pytest.raises(BadInput, match="unknown") as refusal:
        gpu_sheet(name)
    assert "H100" in refusal.value.hint


def test_every_name_means_itself_alone() -> None:
    assert len(set(known_gpus())) == len(known_gpus())
    for name in known_gpus():
        assert [sheet.name for sheet in sheets_named(name)] == [name]


def test_peaks_name_their_sheet() -> None:
    peaks = data_sheet("NVIDIA H200")
    assert peaks is not None
    assert (peaks.bytes_per_s, peaks.source) == (4.8e12, "NVIDIA H200 data sheet, 2024")
    assert peaks.cache_bytes is not None
    assert peaks.flops_per_s["fp8"] == 2 * peaks.flops_per_s["bfloat16"]


def test_a_rate_that_a_gpu_lacks_is_not_invented() -> None:
    a100 = data_sheet("A100-80GB")
    assert a100 is not None
    assert "fp8" not in a100.flops_per_s
    assert gpu_sheet("H100").fp4_flops is None


def test_threads_raise_the_ceiling_of_a_cpu() -> None:
    one, two = cpu_ceiling(1, None), cpu_ceiling(2, 1 << 25)
    assert two.flops_per_s["float32"] == 2 * one.flops_per_s["float32"]
    assert (two.cache_bytes, two.bytes_per_s) == (1 << 25, None)


def test_the_gpus_of_public_rows_have_the_sizes_that_were_found_there(sample_data: Path) -> None:
    """Rates of arithmetic and memory agree to 3 %, power exactly."""
    meant = {"GH200": "GH200-96GB", "RTXPRO6000": "RTX-PRO-6000-Workstation"}
    with (sample_data / "serving" / "gpus.csv").open() as lines:
        for row in csv.DictReader(lines):
            sheet = gpu_sheet(meant.get(row["gpu"], row["gpu"]))
            assert sheet.half_flops == pytest.approx(float(row["bf16_tflops"]) * 1e12, rel=0.03)
            assert sheet.bytes_per_s == pytest.approx(float(row["bw_tb_s"]) * 1e12, rel=0.03)
            assert (sheet.fp4_flops or 0) == pytest.approx(
                float(row["fp4_tflops"]) * 1e12, rel=0.03
            )
            assert sheet.tdp_w == float(row["tdp_w"])
