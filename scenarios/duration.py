"""How long the times of a plan take: each call at the device's rates, each point as its script."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from statistics import fmean
from typing import Final

from ..store.plan import OpPlan, Plan
from ..store.scenario import L2
from .catalogue import LoadedOp
from .operation import Operation
from .preset import Preset
from .rates import Rates
from .script import MAX_CALLS, MIN_CALLS, POINT_S, WARMUP_CALLS, WARMUP_S

START_S: Final = 4.0  # a process, with torch and its pool of inputs
_POINT_OVERHEAD_S: Final = 0.05
_CALL_S: Final = 3e-5  # what a call takes at least, with the choice of its inputs
_ORDINARY_CALL_S: Final = POINT_S / MAX_CALLS  # the longest that makes no point longer

CallTimes = Mapping[
    str, Callable[[int], float]
]  # of each operation: seconds of a call by batch size


def call_times_of(
    preset: Preset, ops: Sequence[LoadedOp], l2: L2, rates: Rates | None
) -> CallTimes:
    """Estimate each operation's calls from its arithmetic and its bytes.

    What an operation on quantised weights does whatever its batch size is their unpacking. Nothing
    is known of them without `rates`.
    """
    if rates is None:
        return {}
    return {
        found.operation.name: cache(partial(_call_s, found.operation, preset, l2, rates))
        for found in ops
    }


def _call_s(operation: Operation, preset: Preset, l2: L2, rates: Rates, tokens: int) -> float:
    asked = operation.scenario(preset, tokens, preset.dtype, l2)
    seconds, flops = _CALL_S, asked.flops
    if rates.unpack_flops_per_s is not None and asked.weight_bits is not None:
        one, two = (operation.scenario(preset, n, preset.dtype, l2).flops for n in (1, 2))
        unpacking = max(0, 2 * one - two)
        seconds += unpacking / rates.unpack_flops_per_s
        flops -= unpacking
    return seconds + max(flops / rates.flops_per_s, asked.bytes_moved / rates.bytes_per_s)


def timing_s(plan: Plan, pace: CallTimes) -> float:
    """Estimate how long the times of a plan take, in seconds, under all of its collectors.

    An operation that is not in `pace` has points of ordinary length. What cannot be known before
    is left out: sampling may end early, and a doubtful size is repeated.
    """
    return len(plan.collectors) * sum(_op_s(plan, op_plan, pace) for op_plan in plan.ops)


def _op_s(plan: Plan, op_plan: OpPlan, pace: CallTimes) -> float:
    call_s = pace.get(op_plan.op)

    def points_s(sizes: Sequence[int]) -> list[float]:
        calls_s = (_ORDINARY_CALL_S if call_s is None else call_s(size) for size in sizes)
        return [_point_s(length_s, plan) for length_s in calls_s]

    first_s, spared_s = points_s(op_plan.first), points_s(op_plan.calibration)
    spared_s += 2 * points_s(op_plan.holdout)
    reserved = len(op_plan.holdout) + len(op_plan.calibration)
    room = len(op_plan.domain) - reserved - len(op_plan.first)
    adaptive = min(room, plan.points_per_op - len(op_plan.first))
    more = max(0, adaptive) if plan.sampling == "adaptive" else 0
    points = len(first_s) + len(spared_s) + more
    starts = points if plan.isolation == "point" else 1 + bool(op_plan.holdout)
    more_s = more * fmean(first_s) if more else 0.0
    return starts * START_S + sum(first_s) + sum(spared_s) + more_s


def _point_s(call_s: float, plan: Plan) -> float:
    """Length of a point as isolated.py.txt measures it, until its time limit."""
    warmup_s = max(WARMUP_CALLS * call_s, WARMUP_S)
    timed_s = max(MIN_CALLS * call_s, min(MAX_CALLS * call_s, POINT_S))
    return min(warmup_s + timed_s, plan.point_timeout_s) + _POINT_OVERHEAD_S
