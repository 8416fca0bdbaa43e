"""The plan: the hold-out is drawn first and honestly, and the same choices give the same plan."""

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moeprof.scenarios.catalogue import LoadedOp, find_ops
from moeprof.scenarios.plan import (
    CALIBRATION_SIZES,
    FIRST_SIZES,
    HOLDOUT_IN_SPARE_TIME,
    HOLDOUT_SIZES,
    POINTS,
    POINTS_IN_BUDGET,
    RESPONSE_S,
    RUN_S,
    check_options,
    estimate_power_s,
    estimate_s,
    planned_loads,
)
from moeprof.scenarios.preset import load_preset
from moeprof.scenarios.run_options import RunOptions
from moeprof.stats.placed_sizes import decode_sizes
from moeprof.stats.size_bands import BANDS
from moeprof.store.errors import BadInput
from moeprof.store.plan import OpPlan, Plan, PowerPlan
from moeprof.store.verdicts.verdict import MIN_HELD_OUT, MIN_SIZES
from moeprof.tests.builders import plan_run

SMALL = load_preset("small")
TO_512 = tuple(range(1, 513))

domains = st.lists(st.integers(1, 5000), min_size=1, max_size=60, unique=True).map(
    lambda sizes: tuple(sorted(sizes))
)


def a_plan(sizes: tuple[int, ...] = TO_512, ops: str = "fc1", **choices: Any) -> Plan:
    return plan_run(ops, sizes, SMALL, **choices)


def an_op_plan(sizes: tuple[int, ...] = TO_512, **choices: Any) -> OpPlan:
    return a_plan(sizes, **choices).ops[0]


def test_a_plan_holds_what_was_chosen_and_what_the_preset_says() -> None:
    plan = a_plan(ops="fc1,topk", l2="hot", threads=2, budget_s=60.0)
    assert (plan.run_id, plan.device, plan.collectors) == ("run", "cpu", ("cpu",))
    assert (plan.l2, plan.threads, plan.budget_s) == ("hot", 2, 60.0)
    assert (plan.preset, plan.preset_source, plan.dtype) == ("small", SMALL.source, "float32")
    assert [op_plan.op for op_plan in plan.ops] == ["fc1", "topk"]
    assert [op_plan.curve for op_plan in plan.ops] == [
        "fc1-512x1024-fp32-hot",
        "topk-fp32-e16-k2-hot",
    ]


def test_512_sizes_give_eight_to_begin_with_and_eight_held_out() -> None:
    op_plan = an_op_plan()
    assert {*op_plan.first} >= {*range(1, 9)}
    assert 8 + FIRST_SIZES - 4 <= len(op_plan.first) <= 8 + FIRST_SIZES - 2
    assert len(op_plan.holdout) == HOLDOUT_SIZES == 8
    assert op_plan.domain == TO_512


@settings(max_examples=60)
@given(
    sizes=domains,
    seed=st.integers(0, 99),
    points=st.integers(2, 30),
    sampling=st.sampled_from(["adaptive", "all"]),
)
def test_the_holdout_is_apart_and_within(
    sizes: tuple[int, ...], seed: int, points: int, sampling: str
) -> None:
    op_plan = an_op_plan(sizes, seed=seed, points_per_op=points, sampling=sampling)
    first, holdout = set(op_plan.first), set(op_plan.holdout)
    assert first | holdout <= set(sizes) == set(op_plan.domain)
    assert all(size in BANDS[0] for size in first & holdout)
    assert {sizes[0], sizes[-1]} <= first
    assert list(op_plan.first) == sorted(first)
    assert list(op_plan.holdout) == sorted(holdout)
    assert len(holdout) <= HOLDOUT_SIZES
    calibration = set(op_plan.calibration)
    assert list(op_plan.calibration) == sorted(calibration)
    assert len(calibration) <= CALIBRATION_SIZES
    assert calibration <= set(sizes[1:-1])
    assert not calibration & (first | holdout)
    spare = set(op_plan.spare_holdout)
    assert spare <= set(sizes[1:-1])
    assert not spare & op_plan.planned
    assert len(holdout | spare) <= min(HOLDOUT_IN_SPARE_TIME, max(len(sizes) // 4, len(holdout)))


def test_every_size_of_decode_is_a_knot_and_two_of_them_are_held_out_too() -> None:
    op_plan = an_op_plan()
    assert {*op_plan.first} >= {*range(1, 9)}
    assert len({*op_plan.holdout} & {*range(1, 9)}) == 2
    assert min(op_plan.calibration) > 8


def test_too_few_points_for_decode_hold_two_sizes_of_it_out_of_the_fit() -> None:
    op_plan = an_op_plan(points_per_op=FIRST_SIZES)
    assert len(op_plan.first) == FIRST_SIZES
    assert not {*op_plan.first} & {*op_plan.holdout}
    assert len({*op_plan.holdout} & {*range(1, 9)}) == 2


def test_the_spare_holdout_leaves_the_small_sizes_to_the_fit() -> None:
    op_plan = an_op_plan()
    held_out = {*op_plan.holdout, *op_plan.spare_holdout}
    decode, small, large = (sum(size in band for size in held_out) for band in BANDS)
    assert len(held_out) == HOLDOUT_IN_SPARE_TIME
    assert decode == 2
    assert min(small, large) >= 8


@settings(max_examples=60)
@given(sizes=domains, points=st.integers(2, 30))
def test_adaptive_sampling_begins_with_no_more_than_its_seeds(
    sizes: tuple[int, ...], points: int
) -> None:
    op_plan = an_op_plan(sizes, points_per_op=points)
    decode = decode_sizes(sizes, points)
    left = len({*sizes} - (op_plan.reserved - {*decode}))
    assert {*decode} <= {*op_plan.first}
    spaced = min(left, FIRST_SIZES, points)
    assert spaced <= len(op_plan.first) <= min(left, max(points, spaced))


@settings(max_examples=60)
@given(sizes=domains)
def test_all_measures_every_size(sizes: tuple[int, ...]) -> None:
    op_plan = an_op_plan(sizes, sampling="all")
    assert {*op_plan.first, *op_plan.reserved} == set(sizes)


@pytest.mark.parametrize(("count", "held_out"), [(1, 0), (2, 0), (7, 0), (8, 2), (31, 7), (32, 8)])
def test_a_domain_too_small_to_spare_a_size_holds_none_out(count: int, held_out: int) -> None:
    assert len(an_op_plan(TO_512[:count]).holdout) == held_out


def test_the_fewest_sizes_that_a_verdict_needs_hold_out_as_many_as_it_compares() -> None:
    assert len(an_op_plan(TO_512[:MIN_SIZES]).holdout) == MIN_HELD_OUT
    assert len(an_op_plan(TO_512[: MIN_SIZES - 1]).holdout) < MIN_HELD_OUT


@pytest.mark.parametrize(("count", "calibrating"), [(1, 0), (15, 0), (16, 2), (63, 7), (512, 8)])
def test_a_domain_too_small_to_spare_a_size_calibrates_with_none(
    count: int, calibrating: int
) -> None:
    assert len(an_op_plan(TO_512[:count]).calibration) == calibrating


def test_the_first_sizes_have_even_ratios() -> None:
    sizes = an_op_plan(sampling="adaptive").first
    ratios = [after / before for before, after in pairwise(sizes)]
    assert max(ratios) <= 4


def test_the_same_choices_give_the_same_plan() -> None:
    assert a_plan(ops="all", seed=3) == a_plan(ops="all", seed=3)


def test_another_seed_holds_out_others() -> None:
    assert an_op_plan(seed=1).holdout != an_op_plan(seed=2).holdout


def test_each_operation_holds_out_its_own_whatever_else_is_measured() -> None:
    together = a_plan(ops="all").ops
    assert len({op_plan.holdout for op_plan in together}) == len(together)
    assert together[0] == an_op_plan()


def test_what_is_chosen_to_be_measured_does_not_move_the_holdout() -> None:
    few, every = an_op_plan(points_per_op=2), an_op_plan(sampling="all")
    assert few.holdout == every.holdout == an_op_plan().holdout


def test_the_source_of_a_users_operation_lies_in_the_run() -> None:
    found = LoadedOp(find_ops("gelu")[0].operation, "/somewhere/else/my_op.py")
    assert plan_run([found], (1, 2), SMALL).ops[0].source == "ops/gelu.py"


# How long it takes


def test_more_to_measure_is_estimated_to_take_longer() -> None:
    seconds = estimate_s(a_plan())
    assert 0 < seconds < estimate_s(a_plan(sampling="all"))
    assert seconds < estimate_s(a_plan(isolation="point"))
    assert estimate_s(a_plan(points_per_op=8)) < seconds
    assert estimate_s(a_plan(ops="fc1,gelu")) == pytest.approx(2 * seconds)
    assert 1 < estimate_s(a_plan(collectors=("nsys", "ncu"))) / seconds < 2  # ncu visits once


def test_a_budget_leaves_room_for_more_sizes_unless_their_number_was_chosen() -> None:
    assert a_plan().points_per_op == POINTS == 24
    assert a_plan(budget_s=600.0).points_per_op == POINTS_IN_BUDGET == 48
    assert a_plan(budget_s=600.0, points_per_op=10).points_per_op == 10


def test_sizes_that_only_a_budget_allows_take_no_time_from_the_power_pass() -> None:
    gpu: dict[str, Any] = {"device": "cuda:0", "collectors": ("nsys",), "power_reason": None}
    budgeted = a_plan(ops="all", budget_s=RUN_S, **gpu)
    assert budgeted.points_per_op == POINTS_IN_BUDGET
    fewer = a_plan(ops="all", budget_s=RUN_S, points_per_op=POINTS, **gpu)
    assert fewer.power == budgeted.power


def test_points_beyond_the_domain_take_no_time() -> None:
    few = tuple(range(1, 17))
    assert estimate_s(a_plan(few, points_per_op=100)) == estimate_s(a_plan(few, sampling="all"))


def test_a_size_held_out_takes_as_long_as_any_other() -> None:
    plan = a_plan(TO_512[8:40], sampling="all")
    op_plan = plan.ops[0]
    assert (len(op_plan.first), len(op_plan.holdout), len(op_plan.calibration)) == (20, 8, 4)
    once = replace(op_plan, first=TO_512[8:40], holdout=(), calibration=())
    assert estimate_s(plan) == pytest.approx(estimate_s(replace(plan, ops=(once,))))


def test_no_plan_is_estimated_above_its_budget() -> None:
    plan = a_plan()
    assert estimate_s(replace(plan, budget_s=1.5)) == 1.5
    assert estimate_s(replace(plan, budget_s=1e6)) == estimate_s(plan)


# The power pass


def test_without_sensors_there_is_no_power_pass_and_a_reason() -> None:
    plan = a_plan(power_reason="RAPL is unavailable")
    assert (plan.power, plan.power_reason) == (None, "RAPL is unavailable")
    assert (estimate_power_s(plan), planned_loads(plan)) == (0, 0)


def test_a_domain_has_no_more_loads_than_it_has_sizes() -> None:
    plan = a_plan(TO_512[:4], power_reason=None)
    assert plan.power == PowerPlan(anchors=22, blocks=2, spare_blocks=1)
    assert planned_loads(plan) == 2 * 4
    assert planned_loads(replace(plan, sampling="all")) == planned_loads(plan)


@pytest.mark.parametrize("points", [2, 24, 80])
def test_every_operation_on_one_gpu_is_planned_within_ten_minutes(points: int) -> None:
    gpu: dict[str, Any] = {"device": "cuda:0", "collectors": ("nsys",), "power_reason": None}
    plan = a_plan(ops="all", points_per_op=points, **gpu)
    assert plan.power is not None
    assert estimate_s(plan) <= RUN_S == 600
    assert 0 < estimate_power_s(plan) < estimate_s(plan)


def test_seven_operations_have_room_for_22_anchors_twice() -> None:
    names = ",".join(found.operation.name for found in find_ops("all")[:7])
    assert a_plan(ops=names, power_reason=None).power == PowerPlan(
        anchors=22, blocks=2, spare_blocks=1
    )


def test_a_smaller_budget_has_fewer_anchors_and_still_two() -> None:
    anchors = [
        plan.power.anchors
        for budget_s in (1500.0, 900.0, 300.0, 60.0, 1.0)
        for plan in [a_plan(ops="all", power_reason=None, budget_s=budget_s)]
        if plan.power is not None
    ]
    assert anchors == sorted(anchors, reverse=True)
    assert anchors[0] == 22 > anchors[2]
    assert anchors[-1] == 2


def test_a_thermal_step_comes_on_top_and_takes_its_time_from_a_budget() -> None:
    without, stepped = (a_plan(power_reason=None, thermal_step=step) for step in (False, True))
    assert estimate_s(stepped) == estimate_s(without) + sum(RESPONSE_S)
    assert stepped.power == without.power
    budgets = (a_plan(power_reason=None, budget_s=340.0, thermal_step=s) for s in (False, True))
    with_all, with_40_s = (plan.power for plan in budgets)
    assert with_all is not None
    assert with_40_s is not None
    assert with_40_s.anchors < with_all.anchors


def test_a_budget_has_room_for_the_thermal_step() -> None:
    with pytest.raises(BadInput) as caught:
        check_options(RunOptions(thermal_step=True, budget_s=300.0), "cpu")
    assert "300 s" in caught.value.message
    assert "--thermal-step" in caught.value.hint
    check_options(RunOptions(thermal_step=True, budget_s=301.0), "cpu")


def test_a_clock_is_locked_on_a_gpu_alone() -> None:
    with pytest.raises(BadInput, match="--lock-clocks is for a GPU"):
        check_options(RunOptions(sm_clock_mhz=1500), "cpu")
    check_options(RunOptions(sm_clock_mhz=1500), "cuda:0")
