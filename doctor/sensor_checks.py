"""Checks whether a GPU's sensors can be trusted, on a log of them under a steady load."""

from typing import Final

import numpy as np

from ..device.nvml import (
    COMPUTE_PROCESSES,
    ENERGY,
    EVENT_REASONS,
    POWER_AVERAGE,
    POWER_INSTANT,
    SM_CLOCK,
    TEMP_GPU,
    NvmlCode,
)
from ..energy.counter import counter_edges, edge_to_edge_power_w
from ..energy.faults import WITHOUT_COUNTER, Fault, faults, power_capped_share, power_limit_w
from ..energy.power_log import PowerLog
from ..energy.readings import MAX_DISAGREEMENT, mean_power_w, update_period_s
from ..stats.measured import disagreement
from .check_result import CheckResult, Status

_SETTLED_NS: Final = 1_200_000_000  # the 1-s average no longer includes the idle GPU
_SLOW_PERIOD_S: Final = 0.25  # fewer than three ticks in the shortest window
_SLOW_CALL_NS: Final = 1_000_000  # the time of an edge is uncertain by the duration of a call
_OURS: Final = 1  # number of our own compute processes: the load

_CODES: Final[dict[int, str]] = {
    NvmlCode.NOT_SUPPORTED: "not supported",
    NvmlCode.NO_PERMISSION: "no permission",
    NvmlCode.FUNCTION_NOT_FOUND: "driver too old",
    NvmlCode.GPU_IS_LOST: "GPU lost",
}
_NO_ENERGY: Final = "no energy per launch on this GPU"
_INTEGRATED: Final = "energy is integrated from power, which sees a part of the time"
_REMEDIES: Final = {
    Fault.NOT_SUPPORTED: "use a GPU of Volta or later for exact energy",
    Fault.TOO_OLD: "update the NVIDIA driver",
    Fault.NO_PERMISSION: "ask the administrator for NVML's sensors; a virtual GPU has none",
    Fault.GPU_LOST: "dmesg | grep -i xid says why; restart the machine",
    Fault.FOREIGN_PROCESS: "wait for the others (nvidia-smi lists them), or take another GPU",
    Fault.THERMAL_THROTTLING: "let the GPU cool, and see to its fans and its inlet",
    Fault.POWER_BRAKE: "see to the machine's power supply",
}
_RELOAD: Final = "reload the NVIDIA driver or restart the machine, then run doctor again"
_COUNTER_FAULTS: Final = (
    *WITHOUT_COUNTER,
    Fault.NOT_RECORDED,
    Fault.NO_PERMISSION,
    Fault.GPU_LOST,
    Fault.READ_FAILED,
    Fault.COUNTER_RESET,
)
_SLOWED: Final = (Fault.THERMAL_THROTTLING, Fault.POWER_BRAKE)


def judge(log: PowerLog) -> list[CheckResult]:
    """Check each sensor in a log that was recorded under load.

    The first 1.2 s are left out where a value counts: the load begins before the log, and
    averages lag behind it.
    """
    times = log.series(ENERGY)
    begin_ns, end_ns = int(times.begin_ns[0]) + _SETTLED_NS, int(times.end_ns[-1])
    found = faults(log, begin_ns, end_ns, _OURS)
    return [
        _counter(log, begin_ns, end_ns, found),
        _power(log, begin_ns, end_ns, found),
        _periods(log),
        _call_cost(log),
        _readings(log),
        _clocks(log, begin_ns, end_ns, found),
        _processes(log),
    ]


def _counter(log: PowerLog, begin_ns: int, end_ns: int, found: list[Fault]) -> CheckResult:
    """The counter must rise, and as fast as a GPU can draw."""
    check = "energy counter"
    refused = next((fault for fault in found if fault in _COUNTER_FAULTS), None)
    if refused is not None:
        instant = log.series(POWER_INSTANT).good()
        stands_in = refused in WITHOUT_COUNTER and len(instant) > 0
        status, cost = (Status.WARNING, _INTEGRATED) if stands_in else (Status.FAULT, _NO_ENERGY)
        return CheckResult(check, status, refused, cost, _REMEDIES.get(refused, _RELOAD))
    power = edge_to_edge_power_w(log.series(ENERGY), begin_ns, end_ns)
    if power.value is None:
        return CheckResult(check, Status.FAULT, f"under load {power.reason}", _NO_ENERGY, _RELOAD)
    limit_w = power_limit_w(log)
    evidence = f"{power.value:.1f} W under load on {log.gpu_name}, limit {_watts(limit_w)}"
    values = {"power_w": power.value, "power_ci95_w": power.ci95, "power_limit_w": limit_w}
    if Fault.IMPLAUSIBLE in found:
        evidence += f": {Fault.IMPLAUSIBLE}"
        return CheckResult(check, Status.FAULT, evidence, "every energy is wrong", _RELOAD, values)
    return CheckResult(check, Status.OK, evidence, values=values)


def _power(log: PowerLog, begin_ns: int, end_ns: int, found: list[Fault]) -> CheckResult:
    """Instant power must agree with the counter: both measure the same energy."""
    check = "instant power"
    if Fault.POWER_FROZEN in found:
        return CheckResult(check, Status.FAULT, Fault.POWER_FROZEN, _NO_ENERGY, _RELOAD)
    series = log.series(POWER_INSTANT)
    instant = mean_power_w(series, begin_ns, end_ns)
    if instant.value is None:
        why = _refusal(log, POWER_INSTANT) or instant.reason
        return CheckResult(
            check, Status.WARNING, f"{why}", "nothing to hold the counter against",
            "update the NVIDIA driver; GPUs before Ampere may have none",
        )  # fmt: skip
    apart = disagreement(edge_to_edge_power_w(log.series(ENERGY), begin_ns, end_ns), instant)
    values = {"power_instant_w": instant.value, "counter_over_instant_ratio": _ratio(apart)}
    comparison = "there is no counter to hold it against"
    if apart is not None:
        comparison = f"the counter is {apart:+z.1%} off"
    evidence = f"{instant.value:.1f} W; {comparison}"
    if apart is None or abs(apart) <= MAX_DISAGREEMENT:
        return CheckResult(check, Status.OK, evidence, values=values)
    return CheckResult(
        check, Status.WARNING, evidence, "every point has a flag: its sources of power disagree",
        "update the driver; only an external meter tells which of the two is right", values,
    )  # fmt: skip


def _periods(log: PowerLog) -> CheckResult:
    """Median time between changes of each sensor, over the whole log."""
    names = {"counter": ENERGY, "instant": POWER_INSTANT, "average": POWER_AVERAGE}
    periods_s = {name: update_period_s(log.series(sensor)) for name, sensor in names.items()}
    evidence = ", ".join(
        f"{name} " + ("no change seen" if period is None else f"{1e3 * period:.1f} ms")
        for name, period in periods_s.items()
    )
    values = {f"{n}_period_ms": None if p is None else 1e3 * p for n, p in periods_s.items()}
    slow = (periods_s["counter"] or 0) > _SLOW_PERIOD_S
    return CheckResult(
        "update periods",
        Status.WARNING if slow else Status.OK,
        evidence,
        cost="windows must last several seconds to hold enough ticks" if slow else "",
        remedy="give the power pass more time" if slow else "",
        values=values,
    )


def _call_cost(log: PowerLog) -> CheckResult:
    """Median duration of a call of NVML, and how closely the edges of the counter are known."""
    cost_ns = {
        name: float(np.median(series.end_ns - series.begin_ns))
        for name, series in (("counter", log.series(ENERGY)), ("fields", log.series(POWER_INSTANT)))
        if len(series)
    }
    evidence = ", ".join(f"{name} {time_ns / 1e3:.0f} us" for name, time_ns in cost_ns.items())
    values: dict[str, float | None] = {
        f"{name}_call_us": time_ns / 1e3 for name, time_ns in cost_ns.items()
    }
    cost = ""
    edges = counter_edges(log.series(ENERGY))
    if len(edges):
        values["edge_width_ms"] = float(np.median(edges.width_ns)) / 1e6
    if edges.are_wide:
        evidence += f"; the counter's edges are known to {values['edge_width_ms']:.2g} ms"
        cost = "power is the slope over many ticks: every point has a flag and a wider interval"
    elif cost_ns["counter"] > _SLOW_CALL_NS:
        cost = "edges are known less closely, and energy with them"
    status = Status.WARNING if cost else Status.OK
    remedy = "end other programs that read NVML, such as monitoring" if cost else ""
    return CheckResult("NVML call", status, evidence, cost, remedy, values)


def _readings(log: PowerLog) -> CheckResult:
    """Return codes of the readings that have no check of their own."""
    refused = {name: _refusal(log, name) for name in log.readings if name != ENERGY}
    missing = {name: why for name, why in refused.items() if why is not None}
    if not missing:
        return CheckResult("sensors", Status.OK, f"all {len(log.readings)} readings succeed")
    blind = missing.keys() & {TEMP_GPU, SM_CLOCK, EVENT_REASONS}
    return CheckResult(
        "sensors",
        Status.WARNING if blind else Status.OK,
        "; ".join(f"{name}: {why}" for name, why in sorted(missing.items())),
        cost="heat, clocks or throttling go unseen" if blind else "",
        remedy="update the NVIDIA driver, or ask for permission to read NVML" if blind else "",
    )


def _clocks(log: PowerLog, begin_ns: int, end_ns: int, found: list[Fault]) -> CheckResult:
    """SM clock under load, and what lowers it; the power limit alone is no fault."""
    clock = log.series(SM_CLOCK).between(begin_ns, end_ns).good()
    if not len(clock):
        return CheckResult("clocks", Status.SKIP, f"the SM clock is {_refusal(log, SM_CLOCK)}")
    low, high = float(clock.value.min()), float(clock.value.max())
    capped = power_capped_share(log, begin_ns, end_ns)
    evidence = f"SM {low:.0f} to {high:.0f} MHz under load"
    if capped is not None:
        evidence += f", at the power limit {capped:.0%} of the time"
    values = {"sm_clock_min_mhz": low, "sm_clock_max_mhz": high, "power_capped_ratio": capped}
    slowed = next((fault for fault in found if fault in _SLOWED), None)
    if slowed is None:
        return CheckResult("clocks", Status.OK, evidence, values=values)
    evidence = f"{slowed}; {evidence}"
    return CheckResult("clocks", Status.FAULT, evidence, _NO_ENERGY, _REMEDIES[slowed], values)


def _processes(log: PowerLog) -> CheckResult:
    """Compute processes on the GPU beside our load."""
    check = "other processes"
    seen = log.series(COMPUTE_PROCESSES).good()
    if not len(seen) or seen.value.max() < _OURS:
        why = _refusal(log, COMPUTE_PROCESSES) or "NVML shows none here, not even ours"
        return CheckResult(
            check, Status.WARNING, why, "another process on the GPU would go unseen",
            "run the container with --pid=host, or see that nobody else uses the GPU",
        )  # fmt: skip
    others = int(seen.value.max()) - _OURS
    if not others:
        return CheckResult(check, Status.OK, "none compute on the GPU")
    fault = Fault.FOREIGN_PROCESS
    return CheckResult(
        check, Status.FAULT, f"{others} beside ours",
        "times and energies are theirs as well: points get no energy", _REMEDIES[fault],
        {"other_processes": others},
    )  # fmt: skip


def _refusal(log: PowerLog, name: str) -> str | None:
    """Why a reading never succeeded; None where it did, or was not tried."""
    series = log.series(name)
    if not len(series) or len(series.good()):
        return None
    code = int(series.code[-1])
    return f"{_CODES.get(code, 'failed')} (NVML code {code})"


def _watts(power_w: float | None) -> str:
    return "unknown" if power_w is None else f"{power_w:.0f} W"


def _ratio(difference: float | None) -> float | None:
    return None if difference is None else 1 + difference
