"""What must be the same, of a GPU, a CPU and a benchmark's document."""

import pytest

from moeprof.compare.regression.conditions import (
    clock_policy,
    conditions_of,
    conditions_of_machine,
    differing,
    require_same,
)
from moeprof.store.errors import BadInput
from moeprof.store.provenance import Gpu
from moeprof.tests.builders import make_provenance

GPU = Gpu(0, "H200", "GPU-1", "570.1", None, 700.0, 1980, 2619, False, None)


def test_a_gpu_is_known_by_its_uuid_driver_limit_and_clocks() -> None:
    found = conditions_of(make_provenance(gpu=GPU)) | clock_policy(1500)
    assert found == {
        "device": "H200 GPU-1",
        "driver": "570.1",
        "power limit": "700 W",
        "clocks": "locked to 1500 MHz",
    }


def test_a_cpu_is_known_by_its_model_threads_and_torch() -> None:
    found = conditions_of(make_provenance(threads=4, versions={"torch": "2.13"}))
    assert found == {"device": "a device", "threads": "4", "torch": "2.13"}


def test_a_benchmark_says_which_gpu_or_cpu() -> None:
    gpu = {"name": "H200", "uuid_hash": "ab", "driver": "570", "power_limit_w": 700.0}
    found = conditions_of_machine({"gpu": gpu, "versions": {"torch": "2.13"}})
    assert found == {"device": "H200 ab", "driver": "570", "power limit": "700 W"}
    cpu = conditions_of_machine({"cpu": "EPYC", "gpu": None, "versions": {"torch": "2.13"}})
    assert cpu == {"cpu": "EPYC", "torch": "2.13"}


@pytest.mark.parametrize("value", [[1], {"a": 1}, "many", 10**400, None])
def test_a_machine_is_told_whatever_its_document_holds(value: object) -> None:
    gpu = {"name": value, "uuid": value, "driver": value, "power_limit_w": value}
    for machine in ({"gpu": gpu}, {"cpu": value, "versions": value}):
        assert all(isinstance(one, str) for one in conditions_of_machine(machine).values())


def test_each_field_that_differs_is_named() -> None:
    differs = differing({"driver": "570", "clocks": "x"}, {"driver": "575", "power limit": "1 W"})
    assert differs == {"driver": ("570", "575")}
    with pytest.raises(BadInput, match="driver: 570 and 575"):
        require_same(differs)
    require_same({})
