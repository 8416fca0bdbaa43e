"""What doctor finds."""

from pathlib import Path

import pynvml
import pytest
import torch

from moeprof.profiler.doctor import Status, examine

on_a_cpu = pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")


@on_a_cpu
def test_without_a_gpu_nothing_is_a_fault(tmp_path: Path) -> None:
    findings = {finding.check: finding for finding in examine(tmp_path)}
    assert not [one for one in findings.values() if one.status is Status.FAULT]
    assert findings["torch"].status is Status.WARNING
    assert findings["nvml"].status is Status.SKIP
    assert findings["collector cpu"].status is Status.OK


def test_what_costs_something_says_what(tmp_path: Path) -> None:
    for finding in examine(tmp_path):
        assert finding.evidence
        if finding.status in (Status.WARNING, Status.FAULT):
            assert finding.cost
            assert finding.remedy


def test_a_store_that_is_not_there_yet_has_a_disk(tmp_path: Path) -> None:
    (disk,) = [one for one in examine(tmp_path / "a" / "b") if one.check == "disk"]
    assert "GiB free" in disk.evidence


def test_a_full_disk_is_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 1 << 20})())
    (disk,) = [one for one in examine(tmp_path) if one.check == "disk"]
    assert disk.status is Status.WARNING


def test_on_a_gpu_a_missing_nvml_is_a_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing() -> None:
        raise pynvml.NVMLError(pynvml.NVML_ERROR_LIBRARY_NOT_FOUND)

    monkeypatch.setattr(pynvml, "nvmlInit", missing)
    monkeypatch.setattr("moeprof.profiler.doctor.choose_device", lambda _: "cuda:0")
    (found,) = [one for one in examine(tmp_path) if one.check == "nvml"]
    assert found.status is Status.FAULT
