"""Adaptive sampling: choose the next size from the times measured so far, by jump bisection."""

from collections.abc import Collection

from ...costmodel.curve.next_size import TARGET_P95, Seen, is_enough, next_size
from ...store.plan import OpPlan
from .observations import Observations


def wants_more(op_plan: OpPlan, observed: Observations, max_points: int) -> bool:
    """Whether the fit is to be given another size.

    Not where `max_points` are measured or failed, where fewer than two are measured, or where the
    predicted error of the fit is within its target.
    """
    time_ns = _fitted_times(op_plan, observed)
    if len(time_ns) + len(observed.failed - op_plan.reserved) >= max_points or len(time_ns) < 2:
        return False
    return not is_enough(time_ns, _open_sizes(op_plan, observed), TARGET_P95)


def choose_size(
    op_plan: OpPlan, observed: Observations, just_measured: Collection[int]
) -> int | None:
    """Choose an unmeasured size of the domain to give to the fit; None where no bracket is left.

    Brackets with an end in `just_measured` wait, and so do those with one that was visited while
    the machine's speed changed: that would show there as a step of the curve.
    """
    waiting = frozenset(just_measured) | observed.between_speeds
    seen = Seen(_fitted_times(op_plan, observed), observed.noise, waiting)
    return next_size(seen, _open_sizes(op_plan, observed), TARGET_P95)


def _fitted_times(op_plan: OpPlan, observed: Observations) -> dict[int, float]:
    reserved = op_plan.reserved
    return {size: time for size, time in observed.time_ns.items() if size not in reserved}


def _open_sizes(op_plan: OpPlan, observed: Observations) -> list[int]:
    closed = op_plan.reserved | observed.failed
    return [size for size in op_plan.domain if size not in closed]
