"""The plan of a run: which sizes are held out, which calibrate, and which are measured first."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ..store.errors import BadInput
from ..store.plan import Isolation, OpPlan, Plan, Sampling
from ..store.scenario import L2
from .catalogue import Found
from .preset import Preset
from .script import POINT_S, WARMUP_S

FIRST_SIZES: Final = 8  # even seeds of adaptive sampling
HOLDOUT_SIZES: Final = 8
CALIBRATION_SIZES: Final = 8
_SPARE_ONE_OF: Final = 8  # a domain spares one size of so many to calibrate the intervals
_START_S: Final = 4.0  # a process, with torch and its pool of inputs
_POINT_OVERHEAD_S: Final = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What the user chose, resolved. Raises BadInput for numbers that make no sense."""

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
    point_timeout_s: float = 60.0

    def __post_init__(self) -> None:
        if self.threads < 1:
            raise BadInput(f"--threads is {self.threads}, and it must be at least 1")
        if self.points_per_op < 2:
            raise BadInput(
                f"--points is {self.points_per_op}, and a curve needs at least 2",
                hint="24 are enough for most",
            )


def make_plan(
    choices: Choices, preset: Preset, ops: Sequence[Found], batch_sizes: tuple[int, ...]
) -> Plan:
    """Plan a run over `batch_sizes`, ascending: the same choices give the same plan."""
    return Plan(
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
    )


def _op_plan(
    choices: Choices, preset: Preset, found: Found, batch_sizes: tuple[int, ...]
) -> OpPlan:
    operation = found.operation
    draw = random.Random(f"{choices.seed} {operation.name} hold-out")
    inner = batch_sizes[1:-1]
    count = min(HOLDOUT_SIZES, len(batch_sizes) // 4) if len(batch_sizes) >= HOLDOUT_SIZES else 0
    holdout = tuple(sorted(draw.sample(inner, min(count, len(inner)))))
    calibration = _calibration(choices, operation.name, set(inner) - set(holdout), len(batch_sizes))
    spared = {*holdout, *calibration}
    left = [size for size in batch_sizes if size not in spared]
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


def _calibration(choices: Choices, op: str, sizes: set[int], domain: int) -> tuple[int, ...]:
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


def estimate_s(plan: Plan) -> float:
    """Estimate how long a plan takes, in seconds, at points of ordinary length."""
    point_s = POINT_S + WARMUP_S + _POINT_OVERHEAD_S
    total_s = 0.0
    for op_plan in plan.ops:
        spared = len(op_plan.holdout) + len(op_plan.calibration)
        room = len(op_plan.domain) - spared - len(op_plan.first)
        adaptive = min(room, plan.points_per_op - len(op_plan.first))
        more = max(0, adaptive) if plan.sampling == "adaptive" else 0
        points = len(op_plan.first) + more + spared + len(op_plan.holdout)
        starts = points if plan.isolation == "point" else 1
        total_s += starts * _START_S + points * point_s
    total_s *= len(plan.collectors)
    return total_s if plan.budget_s is None else min(total_s, plan.budget_s)
