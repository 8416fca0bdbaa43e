"""What doctor finds. The A/A test has tests of its own and is left out here."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Protocol

import pynvml
import pytest
import torch

from moeprof.device import rapl, rapl_perf
from moeprof.doctor import examine as doctor
from moeprof.doctor.check_result import CheckResult, Status
from moeprof.doctor.examine import Probes
from moeprof.doctor.sensor_probe import probe_sensors, probe_under_load
from moeprof.energy.power_log import PowerLog
from moeprof.profiler.lock import Locks, device_lock
from moeprof.store.errors import CannotMeasure
from moeprof.tests.fakenvml import fake
from moeprof.tests.profiler.answering import ANSWER

on_a_cpu = pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
STEADY = [(0, 480e3, 50.0, 1755, 0), (100, 480e3, 50.0, 1755, 0)]
Sensors = Callable[[str, float, Locks], PowerLog]


class Examine(Protocol):
    """Examines a device, "cpu" unless said otherwise, and gives each result by its check."""

    def __call__(self, device: str = "cpu", sensors: Sensors = ...) -> dict[str, CheckResult]: ...


def no_sensors(device: str, seconds: float, locks: Locks) -> PowerLog:
    raise CannotMeasure("there are no sensors")


def no_repeats(device: str, locks: Locks) -> CheckResult:
    return CheckResult("noise", Status.OK, "left out")


def no_scripts(device: str) -> CheckResult:
    return CheckResult("isolated scripts", Status.OK, "left out")


@pytest.fixture
def examine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Examine:
    # On a GPU torch would be asked which one it is.
    monkeypatch.setattr(doctor, "describe", lambda *_, **__: type("Seen", (), {"gpu": None}))

    def examine(device: str = "cpu", sensors: Sensors = no_sensors) -> dict[str, CheckResult]:
        found = doctor.examine(
            tmp_path, device=device, probes=Probes(sensors, no_repeats, no_scripts)
        )
        return {one.check: one for one in found}

    return examine


@on_a_cpu
def test_without_a_gpu_nothing_is_a_fault(examine: Examine) -> None:
    results = examine()
    assert not [one for one in results.values() if one.status is Status.FAULT]
    assert results["torch"].status is Status.WARNING
    assert results["nvml"].status is Status.SKIP
    assert results["counter permission"].status is Status.SKIP
    assert results["collector cpu"].status is Status.OK


def test_what_costs_something_says_what(examine: Examine) -> None:
    for result in examine().values():
        assert result.evidence
        if result.status in (Status.WARNING, Status.FAULT):
            assert result.cost
            assert result.remedy


def test_a_store_that_is_not_there_yet_has_a_disk(tmp_path: Path) -> None:
    found = doctor.examine(
        tmp_path / "a" / "b", device="cpu", probes=Probes(no_sensors, no_repeats, no_scripts)
    )
    (disk,) = [one for one in found if one.check == "disk"]
    assert "GiB free" in disk.evidence


def test_a_full_disk_is_a_warning(examine: Examine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 1 << 20})())
    disk = examine()["disk"]
    assert disk.status is Status.WARNING
    assert disk.values == {"free_bytes": 1 << 20}


def test_on_a_gpu_a_missing_nvml_is_a_fault_once(
    examine: Examine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing() -> None:
        raise pynvml.NVMLError(pynvml.NVML_ERROR_LIBRARY_NOT_FOUND)

    monkeypatch.setattr(pynvml, "nvmlInit", missing)
    results = examine("cuda:0")
    assert results["nvml"].status is Status.FAULT
    assert "energy counter" not in results
    assert "sensors under load" not in results


def test_the_sensors_of_a_gpu_are_read_under_load(
    examine: Examine, simulate: fake.Simulate
) -> None:
    with simulate(STEADY, processes="100@0") as clock:
        results = examine("cuda:0", lambda _, seconds, __: probe_sensors(fake.UUID, seconds, clock))
    assert "GPU 0 H200 (simulated), driver 580.00.00, limit 700 W" in results["nvml"].evidence
    assert "mig" not in results
    for check in ("energy counter", "instant power", "other processes", "clocks", "sensors"):
        assert results[check].status is Status.OK


def test_a_lost_gpu_is_named_beside_the_others(
    examine: Examine, simulate: fake.Simulate, monkeypatch: pytest.MonkeyPatch
) -> None:
    with simulate(STEADY):
        real = pynvml.nvmlDeviceGetHandleByIndex

        def handle(index: int) -> object:
            if index == 1:
                raise pynvml.NVMLError(pynvml.NVML_ERROR_GPU_IS_LOST)
            return real(index)

        monkeypatch.setattr(pynvml, "nvmlDeviceGetCount", lambda: 2)
        monkeypatch.setattr(pynvml, "nvmlDeviceGetHandleByIndex", handle)
        results = examine()
    assert "GPU 0 H200 (simulated)" in results["nvml"].evidence
    assert results["lost GPUs"].status is Status.WARNING
    assert results["lost GPUs"].evidence == "GPU 1: gpu is lost"


def test_a_gpu_in_mig_mode_has_no_energy(
    examine: Examine, simulate: fake.Simulate, tmp_path: Path
) -> None:
    load = tmp_path / "load.py"
    load.write_text(f"{ANSWER}answer({{'uuid': {fake.UUID!r}}})")
    with simulate(STEADY, mig=1):
        results = examine("cuda:0", partial(probe_under_load, load=load))
    assert results["mig"].status is Status.WARNING
    assert results["sensors under load"].status is Status.FAULT
    assert "MIG" in results["sensors under load"].evidence


def test_a_load_that_does_not_run_is_a_fault(
    examine: Examine, simulate: fake.Simulate, tmp_path: Path
) -> None:
    load = tmp_path / "load.py"
    load.write_text("raise SystemExit('no kernel image is available')")
    with simulate(STEADY):
        under_load = examine("cuda:0", partial(probe_under_load, load=load))["sensors under load"]
    assert under_load.status is Status.FAULT
    assert "no kernel image" in under_load.evidence


@on_a_cpu
def test_a_gpu_that_torch_cannot_use_is_a_fault(examine: Examine, simulate: fake.Simulate) -> None:
    with simulate(STEADY):
        found = examine()["torch"]
    assert found.status is Status.FAULT
    assert "beside a GPU: " in found.evidence


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
    found = examine("cuda:0")["triton"]
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


def test_a_device_that_is_being_measured_is_not_loaded(examine: Examine) -> None:
    with device_lock(None, "mine"):
        noise = examine()["noise"]
    assert noise.status is Status.SKIP
    assert "run mine" in noise.evidence
    assert noise.remedy
    assert examine()["noise"].status is Status.OK
