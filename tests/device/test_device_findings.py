"""What counts as quiet, and what is said where it is not."""

from typing import Any

import pytest

from moeprof.device.findings import described, findings, passing
from moeprof.store.flag import FlagCode
from moeprof.store.provenance import Surroundings


def sentences(**seen: Any) -> list[str]:
    return [one.sentence for one in findings(Surroundings(**seen))]


def test_where_nobody_looked_nothing_is_found() -> None:
    assert findings(None) == passing(None) == []
    assert sentences() == []
    assert described(Surroundings()) == ""


def test_a_busy_machine_is_told_by_cores_and_load() -> None:
    (found,) = findings(Surroundings(cores=2, other_cores=1.93, load_average=6.9))
    assert found.code is FlagCode.OTHER_PROCESSES
    assert found.sentence == "other processes on 1.9 of 2 cores (load 6.9)"
    assert "--wait" in found.remedy


def test_one_core_is_no_plural() -> None:
    assert sentences(cores=1, other_cores=0.5) == ["other processes on 0.5 of 1 core"]


@pytest.mark.parametrize(
    ("cores", "quiet", "busy"),
    [(1, 0.2, 0.3), (2, 0.5, 0.8), (8, 0.7, 1.0), (16, 1.5, 1.8), (128, 12.0, 14.0)],
)
def test_a_desktop_at_rest_and_a_few_cores_of_many_are_quiet(
    cores: int, quiet: float, busy: float
) -> None:
    assert sentences(cores=cores, other_cores=quiet) == []
    assert len(sentences(cores=cores, other_cores=busy)) == 1


def test_the_load_that_an_earlier_command_left_is_no_sign() -> None:
    assert sentences(cores=2, other_cores=0.0, load_average=4.0) == []
    assert sentences(cores=2, load_average=4.0) == []


def test_other_processes_on_a_gpu_are_told_before_its_utilisation() -> None:
    assert sentences(gpu_processes=1, gpu_busy=0.9) == ["1 other process on the GPU"]
    assert sentences(gpu_processes=2) == ["2 other processes on the GPU"]
    assert sentences(gpu_processes=0, gpu_busy=0.37) == ["the GPU busy for 37 % of the time"]
    assert sentences(gpu_processes=0, gpu_busy=0.05) == []


def test_each_disturbance_has_a_flag_of_its_own() -> None:
    seen = Surroundings(gpu_processes=1, slowed_by=("heat", "a power brake"), beside_sweep=True)
    assert {one.code: one.sentence for one in passing(seen)} == {
        FlagCode.BESIDE_SWEEP: "another sweep on the same device",
        FlagCode.OTHER_PROCESSES: "1 other process on the GPU",
        FlagCode.SLOWED_DOWN: "slowed down by heat and a power brake",
    }


def test_a_standing_condition_is_told_and_flags_no_point() -> None:
    laptop = Surroundings(cores=8, other_cores=0.1, governors=("powersave",))
    (found,) = findings(laptop)
    assert found.code is None
    assert "governor powersave" in found.sentence
    assert "cpupower" in found.remedy
    assert passing(laptop) == []


@pytest.mark.parametrize("governors", [(), ("performance",), ("userspace",)])
def test_a_clock_that_is_held_is_quiet(governors: tuple[str, ...]) -> None:
    assert sentences(governors=governors) == []


def test_a_quota_of_less_than_a_core_is_told() -> None:
    assert sentences(quota_cores=0.5) == ["a CPU quota of 0.5 cores"]
    assert sentences(quota_cores=1.5) == []


def test_the_description_holds_what_is_known() -> None:
    seen = Surroundings(
        cores=2, other_cores=0.1, load_average=0.3, governors=("performance",), quota_cores=1.5
    )
    assert described(seen) == (
        "other processes on 0.1 of 2 cores; load 0.3; governor performance;"
        " a CPU quota of 1.5 cores"
    )
    on_gpu = Surroundings(gpu_processes=0, gpu_busy=0.0, slowed_by=("heat",))
    assert described(on_gpu) == (
        "0 other processes on the GPU; busy for 0 % of the time; slowed down by heat"
    )
