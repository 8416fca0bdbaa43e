"""The plan of a run: which sizes are held out, which calibrate, and which are measured first."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from ..store.errors import BadInput
from ..store.plan import Isolation, OpPlan, Plan, PowerPlan, Sampling
from ..store.scenario import L2
from .catalogue import LoadedOp
from .duration import START_S, CallTimes, timing_s
from .preset import Preset

FIRST_SIZES: Final = 8  # even seeds of adaptive sampling
HOLDOUT_SIZES: Final = 8
CALIBRATION_SIZES: Final = 8
_SPARE_ONE_OF: Final = 8  # a domain spares one size of so many to calibrate the intervals
ANCHORS: Final = 24  # of an operation at most
BLOCKS: Final = 2
_SPARE_BLOCKS: Final = 1  # a third, if time is left
RUN_S: Final = 600.0  # what a run is planned to fit into where no budget is given
_MIN_ANCHORS: Final = 2
_LOAD_S: Final = 1.05  # 0.1 to prepare it, 0.4 to settle, five ticks of 0.1 s, and to end
_BASELINES: Final = 2  # idle and empty, in each process
RESPONSE_S: Final = (60.0, 120.0, 120.0)  # the thermal step: idle, under load, idle again


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """What the user chose, resolved. Raises BadInput for numbers that make no sense.

    `power_reason` says why there is no power pass; None where there is one.
    """

    run_id: str
    device: str
    collectors: tuple[str, ...]
    isolation: Isolation = "op"
    sampling: Sampling = "adaptive"
    l2: L2 = "cold"
    threads: int = 1
    seed: int = 0
    points_per_op: int = 24
    budget_s: float | None = None
    power_reason: str | None = "no power pass was asked for"
    sm_clock_mhz: int | None = None
    point_timeout_s: float = 60.0
    thermal_step: bool = False

    def __post_init__(self) -> None:
        check_response_fits(self.thermal_step, self.budget_s)
        if self.sm_clock_mhz is not None and self.device == "cpu":
            raise BadInput("--lock-clocks is for a GPU, and the device is cpu")
        if self.threads < 1:
            raise BadInput(f"--threads is {self.threads}, and it must be at least 1")
        if self.points_per_op < 2:
            raise BadInput(
                f"--points is {self.points_per_op}, and a curve needs at least 2",
                hint="24, as without --points, are enough for most",
            )


def make_plan(
    choices: RunOptions, preset: Preset, ops: Sequence[LoadedOp], batch_sizes: tuple[int, ...]
) -> Plan:
    """Plan a run over `batch_sizes`, ascending: the same choices give the same plan."""
    plan = Plan(
        run_id=choices.run_id,
        preset=preset.name,
        preset_source=preset.source,
        device=choices.device,
        collectors=choices.collectors,
        isolation=choices.isolation,
        sampling=choices.sampling,
        dtype=preset.dtype,
        l2=choices.l2,
        threads=choices.threads,
        seed=choices.seed,
        points_per_op=choices.points_per_op,
        budget_s=choices.budget_s,
        point_timeout_s=choices.point_timeout_s,
        ops=tuple(_op_plan(choices, preset, found, batch_sizes) for found in ops),
        power_reason=choices.power_reason,
        sm_clock_mhz=choices.sm_clock_mhz,
        thermal_step=choices.thermal_step,
    )
    return plan if choices.power_reason is not None else replace(plan, power=_power_plan(plan))


def _op_plan(
    choices: RunOptions, preset: Preset, found: LoadedOp, batch_sizes: tuple[int, ...]
) -> OpPlan:
    operation = found.operation
    batch_sizes = operation.possible(preset, batch_sizes)
    draw = random.Random(f"{choices.seed} {operation.name} hold-out")
    inner = batch_sizes[1:-1]
    count = min(HOLDOUT_SIZES, len(batch_sizes) // 4) if len(batch_sizes) >= HOLDOUT_SIZES else 0
    holdout = tuple(sorted(draw.sample(inner, min(count, len(inner)))))
    calibration = _calibration(choices, operation.name, set(inner) - set(holdout), len(batch_sizes))
    reserved = {*holdout, *calibration}
    left = [size for size in batch_sizes if size not in reserved]
    seeds = min(FIRST_SIZES, choices.points_per_op)
    return OpPlan(
        op=operation.name,
        curve=operation.scenario(preset, 1, preset.dtype, choices.l2).curve,
        domain=batch_sizes,
        first=tuple(left) if choices.sampling == "all" else _even(left, seeds),
        holdout=holdout,
        source=None if found.source is None else f"ops/{operation.name}.py",
        calibration=calibration,
    )


def _calibration(choices: RunOptions, op: str, sizes: set[int], domain: int) -> tuple[int, ...]:
    """Draw the sizes that the intervals are taken from; a small domain has none to spare."""
    count = min(CALIBRATION_SIZES, domain // _SPARE_ONE_OF) if domain >= 2 * _SPARE_ONE_OF else 0
    draw = random.Random(f"{choices.seed} {op} calibration")
    return tuple(sorted(draw.sample(sorted(sizes), count)))


def _even(sizes: Sequence[int], count: int) -> tuple[int, ...]:
    """Pick `count` of `sizes` at even steps, both ends among them."""
    if len(sizes) <= count:
        return tuple(sizes)
    last = len(sizes) - 1
    return tuple(sizes[round(step * last / (count - 1))] for step in range(count))


def _power_plan(plan: Plan) -> PowerPlan:
    """As many anchors as fit into the run beside its timing, which leaves at least half of it."""
    budget_s = RUN_S if plan.budget_s is None else plan.budget_s - response_s(plan)
    whole_s = min(RUN_S, budget_s)
    left_s = max(whole_s - estimate_s(replace(plan, thermal_step=False)), whole_s / 2)
    block_s = left_s / len(plan.ops) / BLOCKS
    fitting = int((block_s - START_S) / _LOAD_S) - _BASELINES - 1  # the reference comes twice
    return PowerPlan(max(_MIN_ANCHORS, min(ANCHORS, fitting)), BLOCKS, _SPARE_BLOCKS)


def check_response_fits(thermal_step: bool, budget_s: float | None) -> None:
    """Raise BadInput where a budget has no room for the thermal step, which is never cut short."""
    if thermal_step and budget_s is not None and budget_s <= sum(RESPONSE_S):
        raise BadInput(
            f"--budget is {budget_s:g} s, and the thermal step alone takes {sum(RESPONSE_S):g} s",
            hint="give it more, or leave --thermal-step out",
        )


def response_s(plan: Plan) -> float:
    """Give the length of a plan's thermal step, in seconds; 0 where it has none."""
    return sum(RESPONSE_S) if plan.thermal_step else 0.0


def estimate_power_s(plan: Plan) -> float:
    """Estimate how long the power pass of a plan takes, in seconds; 0 where it has none."""
    if plan.power is None:
        return 0.0
    return len(plan.ops) * plan.power.blocks * block_s(0) + planned_loads(plan) * _LOAD_S


def block_s(loads: int) -> float:
    """Estimate how long a block of the power pass takes, in seconds: one process."""
    return START_S + (_BASELINES + loads) * _LOAD_S


def planned_loads(plan: Plan) -> int:
    """Count the loads of a plan's power pass, at most; 0 where it has none.

    Those of the spare block are not among them: it takes what time is left.
    """
    if plan.power is None:
        return 0
    loads = 0
    for op_plan in plan.ops:
        adaptive = min(plan.points_per_op, len(op_plan.domain))
        sizes = len(op_plan.first) if plan.sampling == "all" else adaptive
        loads += plan.power.blocks * (min(plan.power.anchors, sizes) + 1)
    return loads


def estimate_s(plan: Plan, pace: CallTimes | None = None) -> float:
    """Estimate how long a plan takes, in seconds: by `pace`, else at points of ordinary length."""
    total_s = timing_s(plan, pace or {}) + estimate_power_s(plan) + response_s(plan)
    return total_s if plan.budget_s is None else min(total_s, plan.budget_s)
