"""The plan of a run: which sizes are held out, which calibrate, and which are measured first."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from ..stats.placed_sizes import decode_sizes, drawn_over_log, log_spaced
from ..stats.size_bands import BANDS
from ..store.errors import BadInput
from ..store.plan import OpPlan, Plan, PowerPlan
from .catalogue import LoadedOp
from .duration import START_S, CallTimes, timing_s
from .preset import Preset
from .run_options import RunOptions, option_of

FIRST_SIZES: Final = 8  # over the logarithm; adaptive sampling starts from them
POINTS: Final = 24  # sizes chosen for the fit of an operation, at most
POINTS_IN_BUDGET: Final = 48  # the same where a budget says when to stop
HOLDOUT_SIZES: Final = 8
# With as many, 96 % of curves whose median error is half of its limit pass; with 8, 49 %
# (docs/model.md).
HOLDOUT_IN_SPARE_TIME: Final = 24
CALIBRATION_SIZES: Final = 8
_CALIBRATE_ONE_OF: Final = 8  # one size in 8 of a domain calibrates the intervals
ANCHORS: Final = 22  # maximum number of loaded sizes per operation
REFERENCES: Final = 3  # reference loads of a block: at its beginning, middle and end
BLOCKS: Final = 2
_SPARE_BLOCKS: Final = 1  # run only while the run has time left
RUN_S: Final = 600.0  # planned length of a run without a budget
GPU_BUDGET_S: Final = 580.0  # a sweep's time: what is left of RUN_S is for `moeprof parse`
_MIN_ANCHORS: Final = 2
USUAL_LOAD_S: Final = 1.05  # 0.1 to prepare a load, 0.4 to settle, 0.5 to measure, 0.05 to stop
_BASELINES: Final = 1  # each process of the power pass records an idle baseline
RESPONSE_S: Final = (60.0, 120.0, 120.0)  # the thermal step: idle, under load, idle again


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedRun:
    """What a run's options stand for on this machine.

    `device` is "cpu" or "cuda:N", `collectors` the names in the order in which they run. Those of
    `ops` that have no preset of their own are measured at the sizes of `preset`, the first layer.
    `batch_sizes` are ascending. `power_reason` says why there is no power pass; None where
    there is one.
    """

    run_id: str
    device: str
    collectors: tuple[str, ...]
    preset: Preset
    ops: tuple[LoadedOp, ...]
    batch_sizes: tuple[int, ...]
    power_reason: str | None


def make_plan(options: RunOptions, resolved: ResolvedRun) -> Plan:
    """Plan a run; the same options, resolved alike, give the same plan.

    On a GPU a run without a budget that fits into ten minutes gets them as its budget. Raises
    BadInput where an operation can run at none of the batch sizes.
    """
    preset = resolved.preset
    layers = list(dict.fromkeys([preset, *(one.preset for one in resolved.ops if one.preset)]))
    files = {layer: f"presets/{number}.toml" for number, layer in enumerate(layers[1:], start=2)}
    plan = Plan(
        run_id=resolved.run_id,
        preset=",".join(dict.fromkeys(layer.name for layer in layers)),
        preset_source=", ".join(dict.fromkeys(layer.source for layer in layers)),
        device=resolved.device,
        collectors=resolved.collectors,
        isolation=options.isolation,
        sampling=options.sampling,
        dtype=preset.dtype,
        l2=options.l2,
        threads=options.threads,
        seed=options.seed,
        points_per_op=options.points_per_op or POINTS,
        budget_s=options.budget_s,
        point_timeout_s=options.point_timeout_s,
        ops=tuple(
            replace(_op_plan(options, resolved, loaded), preset=files.get(loaded.preset or preset))
            for loaded in resolved.ops
        ),
        power_reason=resolved.power_reason,
        sm_clock_mhz=options.sm_clock_mhz,
        power_limit_w=options.power_limit_w,
        thermal_step=options.thermal_step,
    )
    plan = replace(plan, budget_s=_budget_s(plan))
    # Sizes beyond 24 take the time that timing and power leave: the power pass is planned before.
    most = POINTS if plan.budget_s is None else POINTS_IN_BUDGET
    return replace(_with_power(plan), points_per_op=options.points_per_op or most)


def check_options(options: RunOptions, device: str) -> None:
    """Raise BadInput where the budget has no room for the thermal step, or a CPU's clock is set.

    `device` is "cpu" or "cuda:N".
    """
    check_response_fits(options.thermal_step, options.budget_s)
    for field in ("sm_clock_mhz", "power_limit_w"):
        if getattr(options, field) is not None and device == "cpu":
            raise BadInput(f"{option_of(field)} is for a GPU, and the device is cpu")


def _op_plan(options: RunOptions, resolved: ResolvedRun, loaded: LoadedOp) -> OpPlan:
    operation, preset = loaded.operation, loaded.preset or resolved.preset
    domain = operation.possible(preset, resolved.batch_sizes)
    draw = random.Random(f"{options.seed} {loaded.name} hold-out")
    inner = domain[1:-1]
    count = min(HOLDOUT_SIZES, len(domain) // 4) if len(domain) >= HOLDOUT_SIZES else 0
    holdout = drawn_over_log(inner, count, draw)
    points = options.points_per_op or POINTS
    decode = decode_sizes(domain, points)
    open_ = [size for size in inner if size not in {*holdout, *decode}]
    calibration = _calibration(options.seed, loaded.name, open_, len(domain))
    spare = _spare_holdout(domain, holdout, [one for one in open_ if one not in calibration], draw)
    reserved = {*holdout, *spare, *calibration}
    fitted = [size for size in domain if size not in reserved or size in decode]
    spaced = fitted if options.sampling == "all" else log_spaced(fitted, min(FIRST_SIZES, points))
    first = tuple(sorted({*spaced, *decode}))
    return OpPlan(
        op=loaded.name,
        curve=operation.scenario(preset, 1, preset.dtype, options.l2).curve,
        domain=domain,
        first=first,
        holdout=holdout,
        source=None if loaded.source is None else f"ops/{operation.name}.py",
        operation=None if loaded.alias is None else operation.name,
        calibration=calibration,
        spare_holdout=spare,
    )


def _spare_holdout(
    domain: Sequence[int], holdout: Sequence[int], open_: Sequence[int], draw: random.Random
) -> tuple[int, ...]:
    """Draw more sizes for a full hold-out, from bands of which it has less than a quarter."""
    if len(holdout) < HOLDOUT_SIZES:
        return ()
    candidates: list[int] = []
    for band in BANDS:
        held_out = sum(size in band for size in holdout)
        if 4 * held_out < sum(size in band for size in domain):
            candidates += [size for size in open_ if size in band]
    count = min(HOLDOUT_IN_SPARE_TIME, len(domain) // 4) - len(holdout)
    return drawn_over_log(candidates, count, draw)


def _calibration(seed: int, op: str, sizes: Sequence[int], domain: int) -> tuple[int, ...]:
    """Draw the sizes that give the intervals; none from a domain of fewer than 16 sizes."""
    share = domain // _CALIBRATE_ONE_OF
    count = min(CALIBRATION_SIZES, share) if domain >= 2 * _CALIBRATE_ONE_OF else 0
    draw = random.Random(f"{seed} {op} calibration")
    return drawn_over_log(sizes, count, draw)


def _budget_s(plan: Plan) -> float | None:
    """Budget of a plan: its own, or on a GPU ten minutes where what is planned fits into them."""
    if plan.device == "cpu" or plan.budget_s is not None:
        return plan.budget_s
    limited = _with_power(replace(plan, budget_s=GPU_BUDGET_S + response_s(plan)))
    planned = replace(_without_spare(limited), budget_s=None)
    fits = estimate_s(planned) <= RUN_S + response_s(plan)
    return limited.budget_s if fits else None


def _with_power(plan: Plan) -> Plan:
    """Give a plan its power pass, where power can be measured."""
    return plan if plan.power_reason is not None else replace(plan, power=_power_plan(plan))


def _power_plan(plan: Plan) -> PowerPlan:
    """Plan as many anchors as fit into the time that timing leaves, at least half of the run."""
    whole_s = RUN_S if plan.budget_s is None else plan.budget_s - response_s(plan)
    timing = replace(_without_spare(plan), thermal_step=False)
    left_s = max(whole_s - estimate_s(timing), whole_s / 2)
    block_s = left_s / len(plan.ops) / BLOCKS
    fitting = int((block_s - START_S) / USUAL_LOAD_S) - _BASELINES - REFERENCES
    return PowerPlan(max(_MIN_ANCHORS, min(ANCHORS, fitting)), BLOCKS, _SPARE_BLOCKS)


def _without_spare(plan: Plan) -> Plan:
    """Leave out of a plan the sizes that are measured only while time is left."""
    return replace(plan, ops=tuple(replace(one, spare_holdout=()) for one in plan.ops))


def check_response_fits(thermal_step: bool, budget_s: float | None) -> None:
    """Raise BadInput where the budget is not longer than the thermal step."""
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
    return len(plan.ops) * plan.power.blocks * block_s(0) + planned_loads(plan) * USUAL_LOAD_S


def block_s(loads: int) -> float:
    """Estimate how long a block of the power pass takes, in seconds: one process."""
    return START_S + (_BASELINES + REFERENCES + loads) * USUAL_LOAD_S


def planned_loads(plan: Plan) -> int:
    """Count the loads of a plan's power pass, at most; 0 where it has none.

    Reference loads are not counted, nor those of spare blocks, which run only while the run has
    time left.
    """
    if plan.power is None:
        return 0
    loads = 0
    for op_plan in plan.ops:
        adaptive = min(plan.points_per_op, len(op_plan.domain))
        sizes = len(op_plan.first) if plan.sampling == "all" else adaptive
        loads += plan.power.blocks * min(plan.power.anchors, sizes)
    return loads


def estimate_s(plan: Plan, call_times: CallTimes | None = None) -> float:
    """Estimate how long a plan takes, in seconds, at most its budget.

    Points of an operation without `call_times` are taken to last as long as a point usually does.
    """
    total_s = timing_s(plan, call_times or {}) + estimate_power_s(plan) + response_s(plan)
    return total_s if plan.budget_s is None else min(total_s, plan.budget_s)
