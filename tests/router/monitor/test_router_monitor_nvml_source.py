"""Which GPU is watched, and how often its sensors are read."""

from collections import Counter

import pytest

from moeprof.device.nvml import ENERGY, MEMORY_CLOCK, POWER_LIMIT, TEMP_GPU
from moeprof.router.monitor import nvml_source
from moeprof.router.monitor.nvml_source import NvmlSource
from moeprof.store.errors import BadInput, CannotMeasure
from moeprof.store.provenance import Gpu
from moeprof.tests.fakenvml import fake
from moeprof.tests.router.monitor.watching import STEADY, VirtualPace


def test_the_only_gpu_is_that_of_its_uuid(simulate: fake.Simulate) -> None:
    with simulate(STEADY):
        assert NvmlSource.of().device == NvmlSource.of(fake.UUID).device
        assert NvmlSource.of().device.name == "H200 (simulated)"


def test_a_gpu_that_cannot_be_watched_is_refused_by_name(simulate: fake.Simulate) -> None:
    with simulate(STEADY), pytest.raises(CannotMeasure, match="GPU-other"):
        NvmlSource.of("GPU-other")
    with simulate(STEADY, mig=1), pytest.raises(CannotMeasure, match=f"{fake.UUID} is in MIG mode"):
        NvmlSource.of(fake.UUID)
    with simulate(STEADY, errors="nvmlInit=9"), pytest.raises(CannotMeasure, match="driver"):
        NvmlSource.of()


def test_of_several_gpus_one_must_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    two = [Gpu(index, "a GPU", f"GPU-{index}", *(None,) * 7) for index in (0, 1)]
    monkeypatch.setattr(nvml_source, "gpus", lambda: two)
    with pytest.raises(BadInput, match="2 GPUs") as refused:
        NvmlSource.of()
    assert refused.value.hint.endswith("GPU-0, GPU-1")


def test_the_counter_is_read_a_hundred_times_a_second_and_the_rest_ten_times(
    simulate: fake.Simulate,
) -> None:
    with simulate(STEADY) as clock:
        rounds = list(NvmlSource.of().rounds(VirtualPace(clock, 2.05)))
    read = Counter(row.reading.name for rows in rounds for row in rows)
    assert 170 <= read[ENERGY] <= 210
    assert 18 <= read[TEMP_GPU] <= 21
    assert read[MEMORY_CLOCK] == read[POWER_LIMIT] == 2


@pytest.mark.parametrize("call_ms", [0, 150, 2000])
def test_every_round_has_the_counter_and_all_sensors(
    simulate: fake.Simulate, call_ms: float
) -> None:
    with simulate(STEADY, call_ms=call_ms) as clock:
        rounds = list(NvmlSource.of().rounds(VirtualPace(clock, 60 if call_ms else 1)))
    assert len(rounds) >= 2
    for rows in rounds:
        assert {ENERGY, TEMP_GPU} <= {row.reading.name for row in rows}
