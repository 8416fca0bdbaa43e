"""GPUs and their sensors by NVML: with functions in its place, and through the simulated NVML."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pynvml
import pytest

from moeprof.device import nvml
from moeprof.device.nvml import NvmlCode
from moeprof.store.errors import CannotMeasure
from moeprof.tests.fakenvml import fake

STEADY = [(0, 480e3, 51.9, 1755, 0x4), (100, 480e3, 51.9, 1755, 0x4)]


def refuses(code: int) -> Callable[..., Any]:
    def call(*_: object) -> Any:
        raise pynvml.NVMLError(code)

    return call


@pytest.fixture
def one_gpu(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    answers: dict[str, Callable[..., Any]] = {
        "nvmlInit": lambda: None,
        "nvmlShutdown": lambda: None,
        "nvmlDeviceGetCount": lambda: 1,
        "nvmlDeviceGetHandleByIndex": lambda index: index,
        "nvmlDeviceGetName": lambda handle: "NVIDIA Test",
        "nvmlDeviceGetUUID": lambda handle: "GPU-1234",
        "nvmlSystemGetDriverVersion": lambda: "580.1",
        "nvmlDeviceGetVbiosVersion": lambda handle: "96.00",
        "nvmlDeviceGetEnforcedPowerLimit": lambda handle: 700_000,
        "nvmlDeviceGetMigMode": lambda handle: [0, 0],
        "nvmlDeviceGetClockInfo": lambda handle, kind: {pynvml.NVML_CLOCK_SM: 1980}.get(kind, 3201),
    }
    for name, answer in answers.items():
        monkeypatch.setattr(pynvml, name, answer)
    return monkeypatch


@pytest.mark.usefixtures("one_gpu")
def test_a_gpu_is_described_in_the_units_of_its_names() -> None:
    (gpu,) = nvml.gpus()
    assert (gpu.name, gpu.uuid, gpu.driver, gpu.mig) == ("NVIDIA Test", "GPU-1234", "580.1", False)
    assert (gpu.power_limit_w, gpu.sm_clock_mhz, gpu.memory_clock_mhz) == (700.0, 1980, 3201)


@pytest.mark.usefixtures("one_gpu")
def test_a_gpu_is_found_by_its_uuid() -> None:
    assert nvml.gpu_by_uuid("GPU-1234") is not None
    assert nvml.gpu_by_uuid("GPU-5678") is None


def test_a_reading_that_is_refused_is_none(one_gpu: pytest.MonkeyPatch) -> None:
    one_gpu.setattr(
        pynvml, "nvmlDeviceGetEnforcedPowerLimit", refuses(pynvml.NVML_ERROR_NO_PERMISSION)
    )
    one_gpu.setattr(pynvml, "nvmlDeviceGetMigMode", refuses(pynvml.NVML_ERROR_NOT_SUPPORTED))
    (gpu,) = nvml.gpus()
    assert gpu.power_limit_w is None
    assert gpu.mig is None
    assert gpu.sm_clock_mhz == 1980


def test_a_lost_gpu_is_refused_with_a_way_out(one_gpu: pytest.MonkeyPatch) -> None:
    one_gpu.setattr(pynvml, "nvmlDeviceGetHandleByIndex", refuses(pynvml.NVML_ERROR_GPU_IS_LOST))
    with pytest.raises(CannotMeasure, match="lost") as caught:
        nvml.gpus()
    assert "xid" in caught.value.hint


def test_a_lost_gpu_does_not_hide_the_others(one_gpu: pytest.MonkeyPatch) -> None:
    def handle(index: int) -> int:
        if index == 1:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_GPU_IS_LOST)
        return index

    one_gpu.setattr(pynvml, "nvmlDeviceGetCount", lambda: 3)
    one_gpu.setattr(pynvml, "nvmlDeviceGetHandleByIndex", handle)
    seen = nvml.survey()
    assert [gpu.index for gpu in seen.described] == [0, 2]
    assert seen.lost == {1: "gpu is lost"}
    assert nvml.gpus() == list(seen.described)
    assert nvml.gpu_by_uuid("GPU-1234") is not None


@pytest.mark.parametrize("function", ["nvmlDeviceGetName", "nvmlSystemGetDriverVersion"])
def test_a_text_that_is_no_utf8_is_escaped(one_gpu: pytest.MonkeyPatch, function: str) -> None:
    one_gpu.setattr(pynvml, function, lambda *_: b"\xf8\x95 RTX".decode())
    (gpu,) = nvml.gpus()
    assert r"\xf8\x95 RTX" in (gpu.name, gpu.driver)


def test_without_the_library_nvml_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pynvml, "nvmlInit", refuses(pynvml.NVML_ERROR_LIBRARY_NOT_FOUND))
    with pytest.raises(CannotMeasure) as caught:
        nvml.gpus()
    assert caught.value.exit_code == 3
    assert caught.value.hint


# Sensors


@pytest.fixture
def clock(simulate: fake.Simulate) -> Iterator[fake.VirtualClock]:
    with simulate(STEADY) as clock:
        clock.set_ns(10_000_000_000)
        yield clock


def read(*methods: str) -> dict[str, tuple[int, int | None]]:
    with nvml.nvml() as library:
        sensors = nvml.Sensors(library, fake.UUID)
        readings = [reading for method in methods for reading in getattr(sensors, method)()]
    return {name: (code, value) for name, code, value in readings}


@pytest.mark.usefixtures("clock")
def test_each_reading_has_the_unit_of_its_name() -> None:
    read_once = read("energy", "power_usage", "temperature", "sm_clock", "memory_clock")
    assert read_once == {
        nvml.ENERGY: (0, 5_000_000 + 4_800_000),  # 5 kJ at first, and 480 W for 10 s
        nvml.POWER_USAGE: (0, 480_000),
        nvml.TEMP_GPU: (0, 51),
        nvml.SM_CLOCK: (0, 1755),
        nvml.MEMORY_CLOCK: (0, 3201),
    }


@pytest.mark.usefixtures("clock")
def test_fields_hold_power_and_throttled_time() -> None:
    fields = read("fields")
    assert fields[nvml.POWER_INSTANT] == (0, 480_000)
    assert fields["throttle_power_cap_ns"] == (0, 10_000_000_000)
    assert fields["throttle_hw_thermal_ns"] == (0, 0)


def test_a_field_that_fails_has_its_own_code(simulate: fake.Simulate) -> None:
    with simulate(STEADY, errors="field186=3,field82=4"):
        fields = read("fields")
    assert fields[nvml.POWER_INSTANT] == (NvmlCode.NOT_SUPPORTED, None)
    assert fields[nvml.TEMP_MEMORY] == (NvmlCode.NO_PERMISSION, None)
    assert fields[nvml.POWER_AVERAGE] == (0, 480_000)


def test_a_call_that_fails_gives_its_code_for_every_field(simulate: fake.Simulate) -> None:
    with simulate(STEADY, errors="nvmlDeviceGetFieldValues=15"):
        assert {code for code, _ in read("fields").values()} == {NvmlCode.GPU_IS_LOST}


@pytest.mark.parametrize(
    "code", [NvmlCode.NOT_SUPPORTED, NvmlCode.NO_PERMISSION, NvmlCode.FUNCTION_NOT_FOUND]
)
def test_an_energy_counter_that_fails_keeps_its_code(
    simulate: fake.Simulate, code: NvmlCode
) -> None:
    with simulate(STEADY, errors=f"nvmlDeviceGetTotalEnergyConsumption={code}"):
        assert read("energy") == {nvml.ENERGY: (code, None)}


def test_the_codes_are_those_of_nvml() -> None:
    for code in NvmlCode:
        name = "NVML_SUCCESS" if code == NvmlCode.SUCCESS else f"NVML_ERROR_{code.name}"
        assert getattr(pynvml, name) == code


def test_an_old_driver_is_asked_by_the_older_name(simulate: fake.Simulate) -> None:
    with simulate(STEADY, errors="nvmlDeviceGetCurrentClocksEventReasons=13"):
        assert read("event_reasons") == {nvml.EVENT_REASONS: (0, 4)}


@pytest.mark.parametrize("code", [13, 25])
def test_an_old_driver_has_its_temperature_by_the_older_name(
    simulate: fake.Simulate, code: int
) -> None:
    with simulate(STEADY, errors=f"nvmlDeviceGetTemperatureV={code}"):
        assert read("temperature") == {nvml.TEMP_GPU: (0, 51)}
    with simulate(STEADY, errors="nvmlDeviceGetTemperatureV=13,nvmlDeviceGetTemperature=3"):
        assert read("temperature") == {nvml.TEMP_GPU: (NvmlCode.NOT_SUPPORTED, None)}


def test_compute_processes_are_counted(simulate: fake.Simulate) -> None:
    with simulate(STEADY, processes="41@0,42@5") as clock:
        assert read("compute_processes") == {nvml.COMPUTE_PROCESSES: (0, 1)}
        clock.set_ns(6_000_000_000)
        assert read("compute_processes") == {nvml.COMPUTE_PROCESSES: (0, 2)}


def test_the_process_that_reads_is_not_counted(simulate: fake.Simulate) -> None:
    with simulate(STEADY, processes=f"41@0,{os.getpid()}@0"):
        assert read("compute_processes") == {nvml.COMPUTE_PROCESSES: (0, 1)}


def test_mig_is_refused(simulate: fake.Simulate) -> None:
    with simulate(STEADY, mig=1), pytest.raises(CannotMeasure, match=fake.UUID):
        read("energy")


@pytest.mark.usefixtures("clock")
def test_another_gpu_is_refused_by_name() -> None:
    with nvml.nvml() as library, pytest.raises(CannotMeasure, match="GPU-none"):
        nvml.Sensors(library, "GPU-none")


def test_without_a_driver_nvml_is_refused(simulate: fake.Simulate) -> None:
    with simulate(STEADY, errors="nvmlInit=9"), pytest.raises(CannotMeasure, match="driver"):
        read("energy")


def test_another_process_finds_the_library_by_its_search_path(
    fake_library: Path, tmp_path: Path
) -> None:
    fake.write_trace(tmp_path / "trace.csv", STEADY)
    variables = {"LD_LIBRARY_PATH": fake_library.parent, "FAKENVML_TRACE": tmp_path / "trace.csv"}
    environment = os.environ | {name: str(value) for name, value in variables.items()}
    script = "import pynvml as n; n.nvmlInit(); print(n.nvmlDeviceGetCount())"
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=600
    )
    assert done.stdout == "1\n"


@pytest.mark.usefixtures("clock")
def test_the_simulated_gpu_says_what_it_is() -> None:
    (gpu,) = nvml.gpus()
    assert "(simulated)" in gpu.name
