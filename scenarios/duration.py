"""Estimated duration of the timed points of a plan, before anything is measured.

A call takes the time of its FLOPs or bytes at the device's rates; a point repeats it as
isolated.py.txt does. Under a tracer every call costs once more, when the trace is written and read.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache, partial
from statistics import fmean
from typing import TYPE_CHECKING, Final

from ..store.plan import OpPlan, Plan
from ..store.recording import CollectorName, PointTiming
from ..store.scenario import L2
from .preset import Preset
from .script import (
    DEVICE_CALLS,
    MAX_CALLS,
    MIN_CALLS,
    POINT_S,
    REFERENCE_CALLS,
    WARMUP_CALLS,
    WARMUP_S,
    most_calls,
    most_warmup_calls,
)

if TYPE_CHECKING:  # these load torch, and to parse a trace takes none
    from .catalogue import LoadedOp
    from .operation import Operation
    from .rates import Rates

START_S: Final = 4.0  # start of one process: import torch, fill the pool of inputs
_POINT_OVERHEAD_S: Final = 0.05
_REFERENCES: Final = 2 * (1 + REFERENCE_CALLS)  # calls of the reference in a visit
_REFERENCE_S: Final = 1.4e-4  # one of them, on a core
_CALL_S: Final = 3e-5  # overhead of one call, including the choice of its inputs
_UNPACK_FLOPS: Final = 2  # per packed weight, as rates.py measures them
_DEFAULT_CALL_S: Final = POINT_S / MAX_CALLS  # the longest call at which a point lasts POINT_S
_TRACERS: Final = (CollectorName.KINETO, CollectorName.NSYS)
# To write, export and read a trace takes so much per call, and so much longer than the host took to
# launch its kernels. Measured with Kineto on a CPU: 8 us an event. nsys took 0.1 ms for each of
# 20,000 calls of a range alone, on a busy CPU.
_TRACE_CALL_S: Final = 1e-4
_TRACE_OVER_LAUNCH: Final = 6.0
_NSYS_REPORT_S: Final = 5.0  # to import and export a report of nsys, however short: same CPU

CallTimes = Mapping[str, Callable[[int], float]]
"""Operation to a function from batch size to seconds per call."""


def call_times_of(
    preset: Preset, ops: "Sequence[LoadedOp]", l2: L2, rates: "Rates | None"
) -> CallTimes:
    """Estimate the duration of each operation's calls from its FLOPs and its bytes.

    An operation without a preset of its own is taken at the sizes of `preset`.
    Two FLOPs of each packed weight that is read are counted as unpacking, at a rate of their own.
    Empty where `rates` is None.
    """
    if rates is None:
        return {}
    return {
        loaded.name: cache(partial(_call_s, loaded.operation, loaded.preset or preset, l2, rates))
        for loaded in ops
    }


def _call_s(operation: "Operation", preset: Preset, l2: L2, rates: "Rates", tokens: int) -> float:
    """Estimated duration of one call on `tokens` tokens, s."""
    scenario = operation.scenario(preset, tokens, preset.dtype, l2)
    seconds, flops = _CALL_S, scenario.flops
    if rates.unpack_flops_per_s is not None and scenario.weight_bits is not None:
        unpacking = min(flops, _UNPACK_FLOPS * _packed_weights(operation, preset, tokens))
        seconds += unpacking / rates.unpack_flops_per_s
        flops -= unpacking
    return seconds + max(flops / rates.flops_per_s, scenario.bytes_moved / rates.bytes_per_s)


def _packed_weights(operation: "Operation", preset: Preset, tokens: int) -> int:
    """The packed weights that a call reads, those of idle experts left out.

    Their bytes tell: as integers of 8 bits with the same scales they take half a byte a weight more
    than of 4.
    """
    eight, four = (
        operation.scenario(
            replace(preset, weight_format=None, weight_bits=bits), tokens, preset.dtype, "cold"
        ).bytes_moved
        for bits in (8, 4)
    )
    return 2 * (eight - four)


def timing_s(plan: Plan, call_times: CallTimes) -> float:
    """Estimate how long the timed points of a plan take, in seconds, under all of its collectors.

    Points of an operation that is not in `call_times` are taken to last `POINT_S`. Every size is
    visited twice; ncu, which takes no times, visits it once. Third visits and an early end of
    sampling cannot be known beforehand and are left out.
    """
    return sum(
        _op_s(plan, op_plan, call_times, collector)
        for collector in plan.collectors
        for op_plan in plan.ops
    )


def report_s(collector: str) -> float:
    """Estimate what the trace of one process takes beside its visits, in seconds."""
    return _NSYS_REPORT_S if collector == CollectorName.NSYS else 0.0


def trace_s(collector: str, timing: PointTiming) -> float:
    """Estimate how long the trace of one visit takes to be written and read, in seconds."""
    calls = timing.calls + most_warmup_calls("cuda:0") + DEVICE_CALLS
    references_s = _trace_s(collector, _REFERENCES, _CALL_S)
    return _trace_s(collector, calls, (timing.launch_ns or 0) / 1e9) + references_s


def _trace_s(collector: str, calls: int, launch_s: float) -> float:
    return calls * (_TRACE_CALL_S + _TRACE_OVER_LAUNCH * launch_s) * (collector in _TRACERS)


def _op_s(plan: Plan, op_plan: OpPlan, call_times: CallTimes, collector: str) -> float:
    """Estimated duration of all visits of one operation under one collector, s."""
    call_s = call_times.get(op_plan.op)
    visits = 1 if collector == CollectorName.NCU else 2

    def points_s(sizes: Sequence[int]) -> list[float]:
        calls_s = (_DEFAULT_CALL_S if call_s is None else call_s(size) for size in sizes)
        return [_point_s(length_s, plan, collector) for length_s in calls_s]

    twice = [size for size in op_plan.first if op_plan.visits_a_turn(size) == 2]
    planned_s = points_s([*op_plan.planned, *twice, *op_plan.spare_holdout])
    room = len(op_plan.domain) + len(twice) - len(planned_s)
    adaptive = min(room, plan.points_per_op - len(op_plan.first))
    more = max(0, adaptive) if plan.sampling == "adaptive" else 0
    sizes = len(planned_s) + more
    visits_s = visits * (sum(planned_s) + more * fmean(points_s(op_plan.first) or [0.0]))
    starts = visits * sizes if plan.isolation == "point" else visits
    return starts * (START_S + report_s(collector)) + visits_s


def _point_s(call_s: float, plan: Plan, collector: str) -> float:
    """Duration of a point in seconds as isolated.py.txt measures it, at most its time limit.

    What its trace takes later is added.
    """
    warmup_s = max(WARMUP_CALLS * call_s, min(most_warmup_calls(plan.device) * call_s, WARMUP_S))
    timed_s = max(MIN_CALLS * call_s, min(most_calls(plan.device) * call_s, POINT_S))
    made_s = min(warmup_s + timed_s, plan.point_timeout_s)
    calls = 0 if plan.device == "cpu" else round(made_s / call_s) + DEVICE_CALLS + _REFERENCES
    made_s += _REFERENCES * _REFERENCE_S + _POINT_OVERHEAD_S
    return made_s + _trace_s(collector, calls, _CALL_S)
