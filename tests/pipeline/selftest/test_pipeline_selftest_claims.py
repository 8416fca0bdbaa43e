"""Claims from made-up facts: each PASS, FAIL and SKIP."""

from collections.abc import Callable

import pytest

from moeprof.pipeline.selftest.claims import STATEMENTS, judge
from moeprof.pipeline.selftest.results import Claim, ClaimOutcome, Facts
from moeprof.tests.pipeline.selftest.made_up import ended_steps, gpu_facts

PASS, FAIL, SKIP = ClaimOutcome.PASS, ClaimOutcome.FAIL, ClaimOutcome.SKIP
ABOUT_GPUS = [one.claim for one in STATEMENTS if one.on == "gpu"]
INTERPRETED = "kernels right in Triton's interpreter"

AllFacts = dict[str, Facts]


def by_name(facts: AllFacts, device: str | None = "cuda:0", **reasons: str) -> dict[str, Claim]:
    return {one.claim: one for one in judge(ended_steps(**reasons), facts, device)}


def test_on_a_gpu_on_which_all_holds_every_claim_about_it_passes() -> None:
    found = by_name(gpu_facts())
    assert {name for name, one in found.items() if one.outcome is not PASS} == {INTERPRETED}
    assert len(found) == len(STATEMENTS) + 1


def no_change(facts: AllFacts) -> None:
    """Change nothing."""


def doctor_value(check: int, name: str, value: float) -> Callable[[AllFacts], None]:
    def change(facts: AllFacts) -> None:
        facts["doctor"]["checks"][check]["values"][name] = value

    return change


def doctor_fault(facts: AllFacts) -> None:
    facts["doctor"]["checks"][0]["status"] = "fault"


def changed(step: str, *path: str | int, to: object) -> Callable[[AllFacts], None]:
    def change(facts: AllFacts) -> None:
        at: object = facts[step]
        for name in path[:-1]:
            at = at[name]  # type: ignore[index]
        at[path[-1]] = to  # type: ignore[index]

    return change


BROKEN: dict[str, Callable[[AllFacts], None]] = {
    "doctor finds no fault": doctor_fault,
    "energy counter refreshes every 100 ms": doctor_value(0, "counter_period_ms", 200.0),
    "two power sources agree to 3 %": doctor_value(1, "counter_over_instant_ratio", 1.05),
    "a reading of NVML takes under 3 ms": doctor_value(2, "counter_call_us", 4000.0),
    "kernels right against float64": changed("kernels", "cases", 1, "times_torch", to=2.5),
    "kernels deterministic": changed("kernels", "cases", 1, "different", to=1),
    "sweep inside its budget": changed("sweep", "took_s", to=120.0),
    "every point of the sweep has a time": changed("model", "failed_points", to=["fc1 b=1: OOM"]),
    "calls have their kernels": changed("model", "calls_without_kernel", to=20),
    "Kineto and events agree to 2 %": changed("model", "two_clocks", 0, "trace_us", to=110.0),
    "loads give an energy": changed("model", "failed_loads", to=["counter stuck"] * 10),
    "power repeats to 3 %": changed("model", "power_repeat_differences", to=[0.2]),
    "every operation has a curve": changed("model", "unmeasured", to={"topk": "2 points"}),
    "held-out times within limits": changed("verdict", "curves", 0, "outcome", to="FAIL"),
    "held-out energies within limits": changed("verdict", "curves", 1, "outcome", to="FAIL"),
    "cold calls read from DRAM": changed("counters", "cold", "bytes_moved", to=100e6),
    "hot calls read from L2": changed("counters", "hot", "bytes_moved", to=1e6),
    "idle power holds still to 5 %": changed("idle", "power_spread", to=0.2),
}


@pytest.mark.parametrize("claim", BROKEN)
def test_a_claim_that_does_not_hold_fails_and_no_other(claim: str) -> None:
    facts = gpu_facts()
    BROKEN[claim](facts)
    found = by_name(facts)
    assert {name for name, one in found.items() if one.outcome is FAIL} == {claim}


def test_every_claim_about_a_gpu_is_among_those_broken_here() -> None:
    assert {one.claim for one in STATEMENTS if one.on != "cpu"} == set(BROKEN)


@pytest.mark.parametrize("step", gpu_facts())
def test_without_the_facts_of_a_step_its_claims_are_skipped_for_its_reason(step: str) -> None:
    facts = gpu_facts()
    facts[step] = {}
    found = by_name(facts, **{step: "signal SIGSEGV"})
    of_step = [one for name, one in found.items() if one.step == step and name != INTERPRETED]
    assert {one.outcome for one in of_step} == {SKIP}
    assert {one.reason for one in of_step} == {"signal SIGSEGV"}
    assert found["every step ends by itself"].outcome is FAIL
    assert found["every step ends by itself"].reason == f"{step}: signal SIGSEGV"


def test_a_step_that_was_not_reached_is_said_to_be_so() -> None:
    (step, *claims) = judge([], {}, None)
    assert (step.outcome, step.value, step.reason) == (SKIP, None, "no step ran")
    assert {(one.outcome, one.value) for one in claims} == {(SKIP, None)}
    assert {one.reason for one in claims} == {"the selftest ended before this step"}


def test_without_a_gpu_what_is_about_one_is_skipped() -> None:
    facts = gpu_facts()
    changed("verdict", "curves", 0, "outcome", to="FAIL")(facts)
    found = by_name(facts, "cpu")
    skipped = {(found[name].outcome, found[name].reason) for name in ABOUT_GPUS}
    assert skipped == {(SKIP, "there is no GPU here")}
    assert found[INTERPRETED].outcome is PASS
    assert not [name for name, one in found.items() if one.outcome is FAIL]
