"""The host's clock."""

from collections.abc import Callable

from moeprof.parsers.calls import cpu_calls
from moeprof.profiler.collectors.cpu import CpuCollector
from moeprof.profiler.job import Job
from moeprof.tests.profiler.worlds import a_scenario


def test_a_repeat_is_a_recording_whose_answer_is_the_measurement(
    make_job: Callable[..., Job],
) -> None:
    recordings = list(CpuCollector().collect(make_job()))
    assert {recording.unit for recording in recordings} == {
        f"{a_scenario(size).key}@0" for size in (1, 2, 3, 4)
    }
    by_unit = {recording.unit: recording for recording in recordings}
    calls = cpu_calls(by_unit[f"{a_scenario(3).key}@0"])
    assert calls.column("wall_ns").to_pylist() == [3000, 3003]


def test_a_failure_is_a_recording_too(make_job: Callable[..., Job]) -> None:
    recordings = list(CpuCollector().collect(make_job("if tokens == 2: os._exit(1)")))
    assert len(recordings) == 4
    (failed,) = [recording for recording in recordings if recording.failures]
    assert failed.served == ()


def test_it_times_nothing_but_the_cpu() -> None:
    assert CpuCollector().probe("cpu").ok
    assert not CpuCollector().probe("cuda:0").ok
