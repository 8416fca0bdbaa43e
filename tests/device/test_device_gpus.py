"""The GPUs of a machine: with functions in NVML's place, and through the simulated NVML."""

from collections.abc import Callable
from typing import Any

import pynvml
import pytest

from moeprof.device import gpus
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
    (gpu,) = gpus.gpus()
    assert (gpu.name, gpu.uuid, gpu.driver, gpu.mig) == ("NVIDIA Test", "GPU-1234", "580.1", False)
    assert (gpu.power_limit_w, gpu.sm_clock_mhz, gpu.memory_clock_mhz) == (700.0, 1980, 3201)


@pytest.mark.usefixtures("one_gpu")
def test_a_gpu_is_found_by_its_uuid() -> None:
    assert gpus.gpu_by_uuid("GPU-1234") is not None
    assert gpus.gpu_by_uuid("GPU-5678") is None


def test_a_reading_that_is_refused_is_none(one_gpu: pytest.MonkeyPatch) -> None:
    one_gpu.setattr(
        pynvml, "nvmlDeviceGetEnforcedPowerLimit", refuses(pynvml.NVML_ERROR_NO_PERMISSION)
    )
    one_gpu.setattr(pynvml, "nvmlDeviceGetMigMode", refuses(pynvml.NVML_ERROR_NOT_SUPPORTED))
    (gpu,) = gpus.gpus()
    assert gpu.power_limit_w is None
    assert gpu.mig is None
    assert gpu.sm_clock_mhz == 1980


def test_a_lost_gpu_is_refused_with_a_way_out(one_gpu: pytest.MonkeyPatch) -> None:
    one_gpu.setattr(pynvml, "nvmlDeviceGetHandleByIndex", refuses(pynvml.NVML_ERROR_GPU_IS_LOST))
    with pytest.raises(CannotMeasure, match="lost") as caught:
        gpus.gpus()
    assert "xid" in caught.value.hint


def test_a_lost_gpu_does_not_hide_the_others(one_gpu: pytest.MonkeyPatch) -> None:
    def handle(index: int) -> int:
        if index == 1:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_GPU_IS_LOST)
        return index

    one_gpu.setattr(pynvml, "nvmlDeviceGetCount", lambda: 3)
    one_gpu.setattr(pynvml, "nvmlDeviceGetHandleByIndex", handle)
    seen = gpus.survey()
    assert [gpu.index for gpu in seen.described] == [0, 2]
    assert seen.lost == {1: "gpu is lost"}
    assert gpus.gpus() == list(seen.described)
    assert gpus.gpu_by_uuid("GPU-1234") is not None


@pytest.mark.parametrize("function", ["nvmlDeviceGetName", "nvmlSystemGetDriverVersion"])
def test_a_text_that_is_no_utf8_is_escaped(one_gpu: pytest.MonkeyPatch, function: str) -> None:
    one_gpu.setattr(pynvml, function, lambda *_: b"\xf8\x95 RTX".decode())
    (gpu,) = gpus.gpus()
    assert r"\xf8\x95 RTX" in (gpu.name, gpu.driver)


def test_without_the_library_nvml_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pynvml, "nvmlInit", refuses(pynvml.NVML_ERROR_LIBRARY_NOT_FOUND))
    with pytest.raises(CannotMeasure) as caught:
        gpus.gpus()
    assert caught.value.exit_code == 3
    assert caught.value.hint


def test_the_simulated_gpu_says_what_it_is(simulate: fake.Simulate) -> None:
    with simulate(STEADY):
        (gpu,) = gpus.gpus()
    assert "(simulated)" in gpu.name
