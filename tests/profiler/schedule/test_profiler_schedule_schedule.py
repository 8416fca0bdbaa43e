"""Which size comes next, in which of the two turns, and when there is none."""

import json
from collections.abc import Callable
from math import inf
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moeprof.profiler.schedule.doubtful_sizes import DoubtLimits
from moeprof.profiler.schedule.repeat import Repeat
from moeprof.profiler.schedule.schedule import Schedule
from moeprof.store.recording import PointTiming, Recording
from moeprof.tests.fake_clock import FakeClock
from moeprof.tests.profiler.worlds import a_plan, a_recording, a_scenario, an_op_plan


def work_off(
    schedule: Schedule, times_ns: Callable[[Repeat], list[int]] = lambda it: [1000 * it.tokens]
) -> list[Repeat]:
    """Measure all that a schedule asks for in both its turns, as a sweep does; in order."""
    repeats = take_turn(schedule, times_ns)
    schedule.end_sampling()
    schedule.turn_late(inf)
    return repeats + take_turn(schedule, times_ns)


def take_turn(
    schedule: Schedule, times_ns: Callable[[Repeat], list[int]] = lambda it: [1000 * it.tokens]
) -> list[Repeat]:
    repeats = []
    while (repeat := schedule.next()) is not None:
        repeats.append(repeat)
        schedule.measured(repeat, timing(schedule, repeat, *times_ns(repeat)))
    return repeats


def timing(schedule: Schedule, repeat: Repeat, *times_ns: int) -> PointTiming:
    return PointTiming(schedule.key(repeat), repeat.number, len(times_ns), times_ns, 0, 1)


RECORDED = json.loads(Path(__file__).with_name("recorded_sequences.json").read_text())


@pytest.mark.parametrize("case", RECORDED, ids=lambda case: case["name"])
def test_the_sequence_of_a_plan_and_its_times_never_changes(case: dict[str, Any]) -> None:
    """A resumed run and a repeated one measure the sizes that earlier versions did."""
    op_plan = an_op_plan(**{name: tuple(sizes) for name, sizes in case["op_plan"].items()})
    schedule = Schedule(a_plan(**case["plan"]), op_plan, a_scenario)

    def times_ns(repeat: Repeat) -> list[int]:
        tiles = 1 + (repeat.tokens - 1) // case["tile"]
        time_ns = 1000 * tiles * (3 if repeat.tokens in case["slow"] else 1)
        return [time_ns, time_ns, time_ns + 1, time_ns + 2]

    repeats = work_off(schedule, times_ns)
    assert [[repeat.tokens, repeat.number] for repeat in repeats] == case["sequence"]


@pytest.fixture
def schedule() -> Schedule:
    return Schedule(a_plan(points_per_op=10), an_op_plan(), a_scenario)


def test_all_that_is_planned_comes_first_and_the_repeats_last(schedule: Schedule) -> None:
    op_plan = an_op_plan()
    repeats = work_off(schedule)
    planned = [*op_plan.first, *op_plan.holdout]
    assert sorted(repeat.tokens for repeat in repeats[: len(planned)]) == sorted(planned)
    assert sorted(repeats[-2:], key=lambda v: v.tokens) == [
        Repeat(size, 1) for size in op_plan.holdout
    ]


def test_sizes_to_be_loaded_are_those_of_the_fit_or_all_where_only_a_hold_out_is_measured(
    schedule: Schedule,
) -> None:
    work_off(schedule)
    assert set(an_op_plan().first) <= set(schedule.fitted_sizes)
    assert not set(an_op_plan().holdout) & set(schedule.fitted_sizes)
    alone = Schedule(a_plan(sampling="all"), an_op_plan(first=()), a_scenario)
    assert sorted(work_off(alone), key=lambda repeat: (repeat.number, repeat.tokens)) == [
        Repeat(size, number) for number in (0, 1) for size in an_op_plan().holdout
    ]
    assert alone.fitted_sizes == [*an_op_plan().holdout]


def test_adaptive_sizes_fill_up_to_the_point_budget_and_leave_out_the_holdout(
    schedule: Schedule,
) -> None:
    op_plan = an_op_plan()
    fit = {repeat.tokens for repeat in work_off(schedule)} - set(op_plan.holdout)
    assert len(fit) == 10
    assert fit <= set(op_plan.domain)


def test_no_size_is_measured_twice_but_the_holdout(schedule: Schedule) -> None:
    repeats = work_off(schedule)
    assert len(set(repeats)) == len(repeats)
    assert {repeat.tokens for repeat in repeats if repeat.number} == set(an_op_plan().holdout)


def test_doubtful_sizes_are_measured_once_more(schedule: Schedule) -> None:
    """Size 1 takes longer than the next larger one, and the calls of the last one spread."""
    *_, last = an_op_plan().first

    def times_ns(repeat: Repeat) -> list[int]:
        times = [9_000_000 if repeat.tokens == 1 else 1000 * repeat.tokens] * 8
        return [*times[:4], *(2 * time for time in times[4:])] if repeat.tokens == last else times

    take_turn(schedule, times_ns)
    schedule.end_sampling()
    schedule.turn_late(inf)
    again = take_turn(schedule)
    assert {repeat.tokens for repeat in again} == {*an_op_plan().holdout, 1, last}
    assert {repeat.number for repeat in again} == {1}


def test_with_other_limits_no_size_is_doubtful() -> None:
    limits = DoubtLimits(spread=inf, excess=inf)
    schedule = Schedule(a_plan(), an_op_plan(), a_scenario, limits=limits)
    repeats = work_off(schedule, lambda repeat: [10_000 // repeat.tokens] * 4 + [1] * 4)
    assert {repeat.tokens for repeat in repeats if repeat.number} == {*an_op_plan().holdout}


def test_adaptive_sampling_leaves_the_late_turn_its_time() -> None:
    clock = FakeClock()
    schedule = Schedule(a_plan(points_per_op=10), an_op_plan(), a_scenario, clock=clock)
    schedule.deadline_s = 10.0  # six planned sizes at 1 s each, and two late ones
    while (repeat := schedule.next()) is not None:
        clock.advance(1.0)
        schedule.measured(repeat, timing(schedule, repeat, 1000 * repeat.tokens))
    assert schedule.late_s == pytest.approx(2.0, rel=1e-3)
    assert schedule.done == 8


def test_what_calibrates_the_intervals_is_measured_late_in_another_process() -> None:
    op_plan = an_op_plan(calibration=(7, 40))
    schedule = Schedule(a_plan(points_per_op=10), op_plan, a_scenario)
    total, repeats = schedule.total, work_off(schedule)
    assert len(repeats) == total
    calibrating, repeats = repeats[-4:-2], repeats[-2:]
    assert {repeat.tokens for repeat in calibrating} == {7, 40}
    assert {repeat.number for repeat in calibrating} == {0}
    assert set(repeats) == {Repeat(size, 1) for size in op_plan.holdout}


def test_a_deadline_leaves_calibration_sizes_unmeasured_and_giving_up_fails_them() -> None:
    schedule = Schedule(a_plan(points_per_op=10), an_op_plan(calibration=(7, 40)), a_scenario)
    take_turn(schedule)
    assert schedule.unmeasured == [7, 40]
    assert {failure.scenario_key for failure in schedule.give_up("no torch")} == {
        a_scenario(size).key for size in (7, 40)
    }


def test_sampling_all_chooses_nothing_more() -> None:
    op_plan = an_op_plan(first=(1, 2, 3, 4), holdout=())
    schedule = Schedule(a_plan(sampling="all", points_per_op=24), op_plan, a_scenario)
    assert sorted(repeat.tokens for repeat in work_off(schedule)) == [1, 2, 3, 4]


def test_the_total_is_what_is_done_in_the_end(schedule: Schedule) -> None:
    total = schedule.total
    assert len(work_off(schedule)) == total == schedule.done


def test_the_order_comes_from_the_seed_alone() -> None:
    def order(seed: int) -> list[Repeat]:
        return work_off(Schedule(a_plan(seed=seed), an_op_plan(), a_scenario))

    assert order(1) == order(1)
    assert order(1) != order(2)


def test_a_failed_size_is_not_asked_for_again(schedule: Schedule) -> None:
    repeats = []
    while (repeat := schedule.next()) is not None:
        repeats.append(repeat)
        schedule.failed(repeat, "it hung")
    assert len({repeat.tokens for repeat in repeats}) == len(repeats)
    assert schedule.next() is None


def test_giving_up_fails_the_planned_rest_with_one_reason(schedule: Schedule) -> None:
    first = schedule.next()
    assert first is not None
    failures = [schedule.failed(first, "no torch"), *schedule.give_up("no torch")]
    assert {failure.reason for failure in failures} == {"no torch"}
    assert len(failures) == len(an_op_plan().first) + len(an_op_plan().holdout)
    assert schedule.next() is None


def test_when_the_time_is_up_the_rest_stays_unmeasured(schedule: Schedule) -> None:
    schedule.deadline_s = 0.0
    assert schedule.next() is None
    assert schedule.unmeasured == sorted([*an_op_plan().first, *an_op_plan().holdout])


@settings(max_examples=30)
@given(st.integers(0, 12))
def test_an_interrupted_sweep_goes_on_where_it_stopped(done_before: int) -> None:
    plan, op_plan = a_plan(points_per_op=10), an_op_plan()
    whole = Schedule(plan, op_plan, a_scenario)
    repeats = work_off(whole)
    recordings: list[Recording] = [
        a_recording(timing(whole, repeat, 1000 * repeat.tokens)) for repeat in repeats[:done_before]
    ]
    resumed = Schedule(plan, op_plan, a_scenario, recordings=recordings)
    assert repeats[:done_before] + work_off(resumed) == repeats
