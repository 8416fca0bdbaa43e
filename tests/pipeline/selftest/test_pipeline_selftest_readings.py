"""Values of claims from the facts of one step, where these are incomplete or odd."""

from typing import Any

import pytest

from moeprof.pipeline.selftest import readings
from moeprof.pipeline.selftest.reading import Read, Unmeasured
from moeprof.tests.pipeline.selftest.made_up import gpu_facts


def test_a_sensor_that_was_not_read_is_named_by_the_check_that_says_why() -> None:
    refused = {"check": "sensors under load", "status": "skip", "evidence": "busy", "values": {}}
    with pytest.raises(Unmeasured, match="sensors under load: busy"):
        readings.counter_period({"checks": [refused]})
    with pytest.raises(Unmeasured, match="doctor did not end"):
        readings.counter_period({"device": "cuda:0"})
    with pytest.raises(Unmeasured, match="doctor made no check of NVML call"):
        readings.call_duration({"checks": []})


def test_a_doctor_that_did_not_end_has_found_a_fault_or_nothing() -> None:
    disk = {"check": "disk", "status": "ok", "evidence": "9 GiB", "values": {}}
    with pytest.raises(Unmeasured, match="doctor did not end"):
        readings.machine_faults({"checks": [disk]})
    full = disk | {"status": "fault", "evidence": "no room"}
    assert readings.machine_faults({"checks": [full]}) == (1, "disk: no room")


def test_warnings_of_doctor_are_named_and_a_busy_machine_first() -> None:
    kinds = ["disk", "noise", "torch", "quiet"]
    checks = [{"check": kind, "status": "warning", "evidence": f"of {kind}"} for kind in kinds]
    found = readings.machine_faults({"checks": checks, "ended": True})
    assert found.value == 0
    assert found.evidence.startswith("4 checks, warnings: quiet: of quiet; disk: of disk")


def test_flagged_points_are_counted() -> None:
    assert readings.lost_points(gpu_facts()["model"]).evidence == "90 points, 4 of them flagged"


def test_the_two_clocks_are_compared_on_long_calls_alone() -> None:
    found = readings.clock_difference(gpu_facts()["model"])
    assert found.value == pytest.approx(100 / 101, rel=1e-3)
    assert found.evidence == "1 repeats of 25 us or more; bias -0.99 %"
    with pytest.raises(Unmeasured, match="no call of 25 us or more"):
        readings.clock_difference({"two_clocks": [{"trace_us": 3.0, "events_us": 6.0}]})


def test_an_undecided_verdict_is_not_judged() -> None:
    curve = {"op": "fc1", "metric": "latency", "outcome": "AMBIGUOUS", "reason": "too noisy"}
    with pytest.raises(Unmeasured, match="fc1: too noisy"):
        readings.latency_error({"curves": [curve], "unmeasured": {}})


def test_a_metric_that_was_not_validated_has_its_reason() -> None:
    with pytest.raises(Unmeasured, match="no meter"):
        readings.energy_error({"curves": [], "unmeasured": {"energy": "no meter"}})


@pytest.mark.parametrize(
    ("read", "facts", "why"),
    [
        (readings.sweep_overrun, {"budget_s": 3.0}, "the sweep did not end"),
        (readings.lost_points, {}, "the recordings were not parsed"),
        (readings.lost_kernels, {"calls": 0}, "no call is in the tables"),
        (readings.lost_loads, {}, "no load was recorded"),
        (readings.power_difference, {}, "no size was loaded twice"),
        (readings.cold_reads, {"cold": {"launches": []}}, "ncu gave no dram_read_bytes"),
        (readings.hot_reads, {"hot": {"reason": "no time was left"}}, "no time was left"),
        (readings.idle_spread, {"power_reason": "GPU lost"}, "GPU lost"),
    ],
)
def test_facts_without_the_value_are_unmeasured(
    read: Read, facts: dict[str, Any], why: str
) -> None:
    with pytest.raises(Unmeasured, match=why):
        read(facts)


CUT = {
    "points": 9,
    "flagged_points": 0,
    "failed_points": [],
    "curves": [{"op": "fc1"}],
    "unmeasured": {"dequant_linear": "a curve needs two points"},
    "planned": [
        {"op": "fc1", "sizes": 24, "unreached": 17},
        {"op": "dequant_linear", "sizes": 24, "unreached": 23},
        {"op": "topk", "sizes": 24, "unreached": 24},
    ],
}


def test_sizes_that_were_not_reached_are_counted() -> None:
    with pytest.raises(Unmeasured, match=r"64 of 72 sizes not reached: fc1 17 of 24; .*topk 24 of"):
        readings.lost_points(CUT)
    found = readings.lost_points(CUT | {"failed_points": ["fc1 b=1: OOM"]})
    assert found.value == 65
    assert found.evidence.startswith("fc1 b=1: OOM; fc1 17 of 24")


def test_an_operation_of_which_nothing_was_measured_has_no_curve() -> None:
    found = readings.absent_curves(CUT)
    assert found.value == 2
    assert found.evidence.endswith("topk: 0 of 24 sizes measured")
