"""What the facts of a step say of one claim; the kernels' claims are in kernel_readings.py.

Each function takes the facts of its step, as they stand in results/STEP.json, and raises Unmeasured
where they do not hold what it needs.
"""

from statistics import median
from typing import Any, Final

from ...store.errors import shortened
from .reading import Reading, Unmeasured, named
from .results import Facts

# Events of CUDA have a resolution of 0.5 us (cudaEventElapsedTime): 2 % of this.
SHORTEST_US: Final = 25.0


# Of doctor.


def machine_faults(facts: Facts) -> Reading:
    """Count what doctor calls a fault."""
    found = [check for check in _checks(facts).values() if check["status"] == "fault"]
    if not found and "ended" not in facts:
        raise Unmeasured("doctor did not end")
    warned = [check for check in _checks(facts).values() if check["status"] == "warning"]
    warned.sort(key=lambda check: check["check"] != "quiet")  # a busy machine makes times worthless
    warnings = f", warnings: {named(_evidence(warned))}" if warned else ""
    counted = f"{len(_checks(facts))} checks{warnings}"
    return Reading(len(found), named(_evidence(found)) or counted)


def _evidence(checks: list[dict[str, Any]]) -> list[str]:
    return [f"{check['check']}: {check['evidence']}" for check in checks]


def counter_period(facts: Facts) -> Reading:
    """Time between two changes of the energy counter, ms."""
    return _of_check(facts, "update periods", "counter_period_ms")


def source_difference(facts: Facts) -> Reading:
    """Difference between power by the counter and by the power sensor, %."""
    ratio, evidence = _of_check(facts, "instant power", "counter_over_instant_ratio")
    return Reading(100 * abs(ratio - 1), evidence)


def call_duration(facts: Facts) -> Reading:
    """Duration of a reading of the energy counter, ms."""
    duration_us, evidence = _of_check(facts, "NVML call", "counter_call_us")
    return Reading(duration_us / 1000, evidence)


def _of_check(facts: Facts, name: str, value: str) -> Reading:
    checks = _checks(facts)
    check = checks.get(name) or checks.get("sensors under load") or checks.get("nvml")
    if check is None:
        raise Unmeasured(f"doctor made no check of {name}")
    found = check["values"].get(value)
    if found is None:
        raise Unmeasured(f"{check['check']}: {check['evidence']}")
    return Reading(found, check["evidence"])


def _checks(facts: Facts) -> dict[str, dict[str, Any]]:
    if "checks" not in facts:
        raise Unmeasured("doctor did not end")
    return {check["check"]: check for check in facts["checks"]}


# Of the sweep.


def sweep_overrun(facts: Facts) -> Reading:
    """Time from the first measurement to the end of the sweep, over its budget, %."""
    if facts.get("took_s") is None:
        raise Unmeasured("the sweep did not end")
    share = 100 * facts["took_s"] / facts["budget_s"]
    return Reading(share, f"{facts['took_s']:.0f} s of {facts['budget_s']:.0f} s")


def lost_points(facts: Facts) -> Reading:
    """Count points without a time, those of sizes that the sweep did not reach among them.

    The latter lacked time: where nothing else is lost, the claim is open.
    """
    if "failed_points" not in facts:
        raise Unmeasured("the recordings were not parsed")
    lost = facts["failed_points"]
    cut = [one for one in facts["planned"] if one["unreached"]]
    unreached = sum(one["unreached"] for one in cut)
    if unreached and not lost:
        sizes = sum(one["sizes"] for one in facts["planned"])
        raise Unmeasured(f"{unreached} of {sizes} sizes not reached: {named(_unreached(cut))}")
    points = f"{facts['points']} points, {facts['flagged_points']} of them flagged"
    return Reading(len(lost) + unreached, named(lost + _unreached(cut)) or points)


def _unreached(planned: list[dict[str, Any]]) -> list[str]:
    return [f"{one['op']} {one['unreached']} of {one['sizes']}" for one in planned]


def lost_kernels(facts: Facts) -> Reading:
    """Share of calls without a kernel in the trace, %."""
    calls = facts.get("calls")
    if not calls:
        raise Unmeasured("no call is in the tables")
    lost = facts["calls_without_kernel"]
    return Reading(100 * lost / calls, f"{lost} of {calls} calls")


def clock_difference(facts: Facts) -> Reading:
    """Median difference between a call's time by torch.profiler and by events, %."""
    compared = [one for one in facts.get("two_clocks", []) if one["events_us"] >= SHORTEST_US]
    if not compared:
        raise Unmeasured(
            f"no call of {SHORTEST_US:g} us or more was timed by events of the GPU too"
        )
    apart = median(abs(one["trace_us"] / one["events_us"] - 1) for one in compared)
    signed = median(one["trace_us"] / one["events_us"] - 1 for one in compared)
    evidence = f"{len(compared)} repeats of {SHORTEST_US:g} us or more; bias {100 * signed:+.2f} %"
    return Reading(100 * apart, evidence)


def lost_loads(facts: Facts) -> Reading:
    """Share of the loads of the power pass that gave no energy, %."""
    failed = facts.get("failed_loads", [])
    loads = facts.get("loads", 0) + len(failed)
    if not loads:
        raise Unmeasured("no load was recorded")
    return Reading(100 * len(failed) / loads, named(failed) or f"{loads} loads")


def power_difference(facts: Facts) -> Reading:
    """Median difference of power between the loads of one size, %."""
    found = facts.get("power_repeat_differences", [])
    if not found:
        raise Unmeasured("no size was loaded twice with its power measured")
    return Reading(100 * median(found), f"{len(found)} sizes")


# Of the model.


def absent_curves(facts: Facts) -> Reading:
    """Count operations of the sweep without a curve, those of which nothing was measured too."""
    absent = [f"{what}: {why}" for what, why in facts["unmeasured"].items()]
    known = {*facts["unmeasured"], *(curve["op"] for curve in facts["curves"])}
    unknown = [one for one in facts["planned"] if one["op"] not in known]
    absent += [f"{one['op']}: 0 of {one['sizes']} sizes measured" for one in unknown]
    return Reading(len(absent), named(absent) or f"{len(facts['curves'])} curves")


def latency_error(facts: Facts) -> Reading:
    """Largest median error of a curve's times at held-out sizes, over its limit, %."""
    return _error(facts, "latency")


def energy_error(facts: Facts) -> Reading:
    """Largest median error of a curve's energies at held-out sizes, over its limit, %."""
    return _error(facts, "energy")


def _error(facts: Facts, metric: str) -> Reading:
    curves = [one for one in facts["curves"] if one["metric"] == metric]
    if not curves:
        raise Unmeasured(facts["unmeasured"].get(metric, f"no {metric} was held out"))
    undecided = [one for one in curves if one["outcome"] == "AMBIGUOUS"]
    failed = [one for one in curves if one["outcome"] == "FAIL"]
    if undecided and not failed:
        raise Unmeasured(f"undecided: {named(_reasons(undecided))}")
    return Reading(len(failed), named(_reasons(failed)) or f"{len(curves)} curves pass")


def _reasons(curves: list[dict[str, Any]]) -> list[str]:
    """Each curve with the beginning of its reason; the whole is in the facts."""
    return [f"{one['op']}: {shortened(one['reason'])}" for one in curves]


# Of the counters.


def cold_reads(facts: Facts) -> Reading:
    """Bytes that a cold call read from DRAM, over those that it needs, %."""
    return _reads(facts, "cold")


def hot_reads(facts: Facts) -> Reading:
    """Bytes that a hot call read from DRAM, over those that it needs, %."""
    return _reads(facts, "hot")


def _reads(facts: Facts, l2: str) -> Reading:
    if "reason" in facts.get(l2, {}):
        raise Unmeasured(facts[l2]["reason"])
    launches = facts.get(l2, {}).get("launches", [])
    read = [one["dram_read_bytes"] for one in launches if one["dram_read_bytes"] is not None]
    if not read:
        raise Unmeasured("ncu gave no dram_read_bytes")
    needed = facts[l2]["bytes_moved"]
    return Reading(100 * sum(read) / needed, f"{sum(read) / 1e6:.1f} of {needed / 1e6:.1f} MB")


# Of the idle device.


def idle_spread(facts: Facts) -> Reading:
    """Standard deviation of idle power over its mean, %."""
    spread = facts.get("power_spread")
    if spread is None:
        raise Unmeasured(facts.get("power_reason") or "no power was read")
    clocks = facts.get("sm_clock_mhz") or []
    course = f", SM from {clocks[0]:.0f} to {clocks[-1]:.0f} MHz" if clocks else ""
    return Reading(100 * spread, f"{facts['power_w']:.1f} W{course}")
