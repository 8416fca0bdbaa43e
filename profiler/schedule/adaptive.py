"""Adaptive sampling: choose the next size from the times measured so far, by jump bisection."""

from ...costmodel.curve.next_size import TARGET_P95, Seen, is_enough, next_size
from ...store.plan import OpPlan
from .observations import Observations


def reserved_sizes(op_plan: OpPlan) -> set[int]:
    """Sizes that the fit never sees: those held out, and those that calibrate the intervals."""
    return {*op_plan.holdout, *op_plan.calibration}


def choose_size(op_plan: OpPlan, observed: Observations, max_points: int) -> int | None:
    """Choose an unmeasured size of the domain to give to the fit.

    None where `max_points` are measured or failed, where fewer than two are measured, where the
    predicted error of the fit is within its target, or where no bracket can hold a step.
    """
    reserved = reserved_sizes(op_plan)
    time_ns = {size: time for size, time in observed.time_ns.items() if size not in reserved}
    if len(time_ns) + len(observed.failed - reserved) >= max_points or len(time_ns) < 2:
        return None
    closed = reserved | observed.failed
    domain = [size for size in op_plan.domain if size not in closed]
    if is_enough(time_ns, domain, TARGET_P95):
        return None
    return next_size(Seen(time_ns, observed.noise), domain)
