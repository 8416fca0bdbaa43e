"""What doctor finds. The A/A run has tests of its own and is left out here."""

from collections.abc import Callable
from pathlib import Path

import pynvml
import pytest
import torch

from moeprof.device import rapl, rapl_perf
from moeprof.doctor import examine as doctor
from moeprof.doctor import sensor_probe as survey
from moeprof.doctor.check_result import CheckResult, Status
from moeprof.store.errors import CannotMeasure
from moeprof.tests.fakenvml import fake

on_a_cpu = pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
STEADY = [(0, 480e3, 50.0, 1755, 0), (100, 480e3, 50.0, 1755, 0)]
Examine = Callable[[], dict[str, CheckResult]]


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "noise", lambda device: CheckResult("noise", Status.OK, "left out"))


@pytest.fixture
def examine(tmp_path: Path) -> Examine:
    return lambda: {finding.check: finding for finding in doctor.examine(tmp_path)}


@pytest.fixture
def a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let doctor believe that torch has a GPU."""
    monkeypatch.setattr(doctor, "choose_device", lambda _: "cuda:0")
    monkeypatch.setattr(doctor, "describe", lambda *_, **__: type("Seen", (), {"gpu": None}))


@on_a_cpu
def test_without_a_gpu_nothing_is_a_fault(examine: Examine) -> None:
    findings = examine()
    assert not [one for one in findings.values() if one.status is Status.FAULT]
    assert findings["torch"].status is Status.WARNING
    assert findings["nvml"].status is Status.SKIP
    assert findings["counter permission"].status is Status.SKIP
    assert findings["collector cpu"].status is Status.OK


def test_what_costs_something_says_what(examine: Examine) -> None:
    for finding in examine().values():
        assert finding.evidence
        if finding.status in (Status.WARNING, Status.FAULT):
            assert finding.cost
            assert finding.remedy


def test_a_store_that_is_not_there_yet_has_a_disk(tmp_path: Path) -> None:
    (disk,) = [one for one in doctor.examine(tmp_path / "a" / "b") if one.check == "disk"]
    assert "GiB free" in disk.evidence


def test_a_full_disk_is_a_warning(examine: Examine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 1 << 20})())
    disk = examine()["disk"]
    assert disk.status is Status.WARNING
    assert disk.values == {"free_bytes": 1 << 20}


@pytest.mark.usefixtures("a_gpu")
def test_on_a_gpu_a_missing_nvml_is_a_fault_once(
    examine: Examine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing() -> None:
        raise pynvml.NVMLError(pynvml.NVML_ERROR_LIBRARY_NOT_FOUND)

    monkeypatch.setattr(pynvml, "nvmlInit", missing)
    findings = examine()
    assert findings["nvml"].status is Status.FAULT
    assert "energy counter" not in findings
    assert "sensors under load" not in findings


@pytest.mark.usefixtures("a_gpu")
def test_a_gpu_is_surveyed_under_load(
    examine: Examine, simulate: fake.Simulate, monkeypatch: pytest.MonkeyPatch
) -> None:
    with simulate(STEADY, processes="100@0") as clock:
        monkeypatch.setattr(
            doctor,
            "probe_under_load",
            lambda device, seconds: survey.probe_sensors(fake.UUID, seconds, clock),
        )
        findings = examine()
    assert "GPU 0 H200 (simulated), driver 580.00.00, limit 700 W" in findings["nvml"].evidence
    assert "mig" not in findings
    for check in ("energy counter", "instant power", "other processes", "clocks", "sensors"):
        assert findings[check].status is Status.OK


@pytest.mark.usefixtures("a_gpu")
def test_a_gpu_in_mig_mode_has_no_energy(
    examine: Examine,
    simulate: fake.Simulate,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stand_in = tmp_path / "load.py"
    stand_in.write_text(f'print(\'{{"uuid": "{fake.UUID}"}}\')')
    monkeypatch.setattr(survey, "LOAD", stand_in)
    with simulate(STEADY, mig=1):
        findings = examine()
    assert findings["mig"].status is Status.WARNING
    assert findings["sensors under load"].status is Status.FAULT
    assert "MIG" in findings["sensors under load"].evidence


@pytest.mark.usefixtures("a_gpu")
def test_a_load_that_does_not_run_is_a_fault(
    examine: Examine, simulate: fake.Simulate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in = tmp_path / "load.py"
    stand_in.write_text("raise SystemExit('no kernel image is available')")
    monkeypatch.setattr(survey, "LOAD", stand_in)
    with simulate(STEADY):
        under_load = examine()["sensors under load"]
    assert under_load.status is Status.FAULT
    assert "no kernel image" in under_load.evidence


@on_a_cpu
def test_a_gpu_that_torch_cannot_use_is_a_fault(examine: Examine, simulate: fake.Simulate) -> None:
    with simulate(STEADY):
        found = examine()["torch"]
    assert found.status is Status.FAULT
    assert "beside a GPU: " in found.evidence


@pytest.mark.usefixtures("a_gpu")
@pytest.mark.parametrize(
    ("lacking", "remedy"), [("compiler", "install gcc"), ("headers", "install python3-dev")]
)
def test_triton_without_what_it_builds_with_is_a_fault(
    examine: Examine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lacking: str, remedy: str
) -> None:
    pytest.importorskip("triton")
    folder = tmp_path / "bin"
    folder.mkdir()
    if lacking == "headers":
        (folder / "gcc").touch(mode=0o755)
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr("sysconfig.get_path", lambda _: str(folder))
    monkeypatch.setattr(doctor, "_sensors", lambda _: [])
    found = examine()["triton"]
    assert (found.status, found.remedy) == (Status.FAULT, remedy)


def a_package(powercap: Path) -> None:
    zone = powercap / "intel-rapl:0"
    zone.mkdir(parents=True)
    for name, value in (("name", "package-0"), ("energy_uj", 1), ("max_energy_range_uj", 9)):
        (zone / name).write_text(f"{value}\n")


def test_rapl_is_found_by_powercap_else_by_perf_else_said_to_be_missing(
    examine: Examine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_package(tmp_path / "powercap")
    found = rapl.packages(tmp_path / "powercap")

    def refused() -> list[rapl.Package]:
        raise CannotMeasure("RAPL is unavailable: it may not be read", hint="sudo chmod")

    closed: list[str] = []
    counter = type("Counter", (), {"close": lambda self: closed.append("closed")})()
    monkeypatch.setattr(rapl_perf, "open_counters", lambda: [counter])
    monkeypatch.setattr(rapl, "packages", lambda: found)
    assert "by powercap" in examine()["rapl"].evidence
    monkeypatch.setattr(rapl, "packages", refused)
    assert "by perf" in examine()["rapl"].evidence
    assert closed == ["closed"]
    monkeypatch.setattr(rapl_perf, "open_counters", refused)
    monkeypatch.setattr(rapl, "POWERCAP", tmp_path / "powercap")
    missing = examine()["rapl"]
    assert (missing.status, missing.remedy) == (Status.WARNING, "sudo chmod")
