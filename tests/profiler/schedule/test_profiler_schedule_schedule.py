"""Which size comes next, in which turn, and when there is none."""

from collections.abc import Callable
from dataclasses import replace
from math import inf

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moeprof.profiler.schedule.repeat import Repeat
from moeprof.profiler.schedule.schedule import Schedule
from moeprof.store.plan import BREATH
from moeprof.store.recording import PointTiming, Recording
from moeprof.tests.fake_clock import FakeClock
from moeprof.tests.profiler.worlds import a_plan, a_recording, a_scenario, an_op_plan


def work_off(
    schedule: Schedule, times_ns: Callable[[Repeat], list[int]] = lambda it: [1000 * it.tokens]
) -> list[Repeat]:
    """Measure all that a schedule asks for in all its turns, as a sweep does; in order."""
    repeats = take_turn(schedule, times_ns)
    schedule.end_sampling()
    for most_visits in (2, 3):
        schedule.turn_late(most_visits, inf)
        repeats += take_turn(schedule, times_ns)
    return repeats


def take_turn(
    schedule: Schedule, times_ns: Callable[[Repeat], list[int]] = lambda it: [1000 * it.tokens]
) -> list[Repeat]:
    repeats = []
    while (repeat := schedule.next()) is not None:
        repeats.append(repeat)
        schedule.measured(repeat, timing(schedule, repeat, *times_ns(repeat)))
    return repeats


def timing(schedule: Schedule, repeat: Repeat, *times_ns: int) -> PointTiming:
    at = schedule.done
    return PointTiming(schedule.key(repeat), repeat.number, len(times_ns), times_ns, at, at + 1)


@pytest.fixture
def schedule() -> Schedule:
    return Schedule(a_plan(points_per_op=10), an_op_plan(), a_scenario)


def test_all_that_is_planned_comes_first_and_every_size_has_a_late_visit(
    schedule: Schedule,
) -> None:
    op_plan = an_op_plan()
    early = take_turn(schedule)
    planned = {*op_plan.first, *op_plan.holdout}
    assert {repeat.tokens for repeat in early[: len(planned)]} <= planned
    schedule.end_sampling()
    schedule.turn_late(2, inf)
    late = take_turn(schedule)
    assert {repeat.tokens for repeat in late} == {repeat.tokens for repeat in early}


def test_a_size_that_is_first_and_held_out_is_visited_for_either_in_each_turn() -> None:
    op_plan = an_op_plan()
    both = op_plan.first[:2]
    op_plan = replace(op_plan, holdout=tuple(sorted({*op_plan.holdout, *both})))
    schedule = Schedule(a_plan(points_per_op=10), op_plan, a_scenario)
    early = take_turn(schedule)
    schedule.end_sampling()
    assert schedule.left == len(schedule.measured_once) + len(both)
    schedule.turn_late(2, inf)
    late = take_turn(schedule)
    for turn, numbers in ((early, [0, 1]), (late, [2, 3])):
        for size in both:
            assert [repeat.number for repeat in turn if repeat.tokens == size] == numbers
    assert not schedule.measured_once


def test_neighbours_are_not_in_one_breath() -> None:
    domain = tuple(range(1, 65))
    op_plan = an_op_plan(first=domain[::2], holdout=(), domain=domain[::2])
    order = [repeat.tokens for repeat in work_off(Schedule(a_plan(), op_plan, a_scenario))]
    for turn in (order[:32], order[32:]):
        early = turn[:20]  # where few are left, each may be a neighbour
        for at, size in enumerate(early):
            assert not {size - 2, size + 2} & {*early[max(0, at - BREATH) : at]}


def test_sizes_to_be_loaded_are_those_of_the_fit_or_all_where_only_a_hold_out_is_measured(
    schedule: Schedule,
) -> None:
    work_off(schedule)
    assert set(an_op_plan().first) <= set(schedule.fitted_sizes)
    assert not set(an_op_plan().holdout) & set(schedule.fitted_sizes)
    alone = Schedule(a_plan(sampling="all"), an_op_plan(first=()), a_scenario)
    assert {repeat.tokens for repeat in work_off(alone)} == {*an_op_plan().holdout}
    assert alone.fitted_sizes == [*an_op_plan().holdout]


def test_adaptive_sizes_fill_up_to_the_point_budget_and_leave_out_the_holdout(
    schedule: Schedule,
) -> None:
    op_plan = an_op_plan()
    fit = {repeat.tokens for repeat in work_off(schedule)} - set(op_plan.holdout)
    assert len(fit) == 10
    assert fit <= set(op_plan.domain)


def test_the_spare_holdout_comes_after_the_sizes_of_the_fit_and_never_joins_them() -> None:
    spare = (9, 17, 51)
    schedule = Schedule(a_plan(points_per_op=10), an_op_plan(spare_holdout=spare), a_scenario)
    order = list(dict.fromkeys(repeat.tokens for repeat in take_turn(schedule)))
    assert {*order[-3:]} == {*spare}
    assert len(order) == 10 + len(an_op_plan().holdout) + len(spare)
    assert not {*spare} & {*schedule.fitted_sizes}


def test_the_spare_holdout_takes_only_time_that_second_visits_do_not_need() -> None:
    clock = FakeClock()
    op_plan = an_op_plan(spare_holdout=tuple(range(6, 22)))
    schedule = Schedule(a_plan(points_per_op=10), op_plan, a_scenario, clock=clock)
    schedule.deadline_s = 36.0  # 1 s each
    seen = set()
    while (repeat := schedule.next()) is not None:
        clock.advance(1.0)
        schedule.measured(repeat, timing(schedule, repeat, 1000 * repeat.tokens))
        seen.add(repeat.tokens)
    assert len(schedule.fitted_sizes) == 10
    assert 0 < len(seen & {*op_plan.spare_holdout}) < len(op_plan.spare_holdout)
    assert schedule.late_s == pytest.approx(36 - schedule.done, abs=1.5)


def test_without_times_nothing_of_the_spare_holdout_is_measured() -> None:
    op_plan = an_op_plan(spare_holdout=(9, 17, 51))
    repeats = take_turn(Schedule(a_plan(), op_plan, a_scenario), lambda _: [])
    assert {repeat.tokens for repeat in repeats} == op_plan.planned


def test_no_repeat_is_asked_for_twice(schedule: Schedule) -> None:
    repeats = work_off(schedule)
    assert len(set(repeats)) == len(repeats)


def test_sizes_whose_visits_do_not_agree_are_visited_again_in_a_third_turn(
    schedule: Schedule,
) -> None:
    def times_ns(repeat: Repeat) -> list[int]:
        return [(1000 + 1000 * (repeat.tokens == 1) * repeat.number) * repeat.tokens]

    take_turn(schedule)
    schedule.end_sampling()
    schedule.turn_late(2, inf)
    second = take_turn(schedule, times_ns)
    assert {it.number for it in second} == {1}
    schedule.turn_late(3, inf)
    third = take_turn(schedule, times_ns)
    assert third == [Repeat(1, 2)]


def test_where_all_visits_agree_there_is_no_third_turn(schedule: Schedule) -> None:
    work_off(schedule)
    schedule.turn_late(3, inf)
    assert schedule.next() is None


def test_adaptive_sampling_leaves_the_late_turn_its_time() -> None:
    clock = FakeClock()
    schedule = Schedule(a_plan(points_per_op=10), an_op_plan(), a_scenario, clock=clock)
    schedule.deadline_s = 16.0  # 1 s each
    while (repeat := schedule.next()) is not None:
        clock.advance(1.0)
        schedule.measured(repeat, timing(schedule, repeat, 1000 * repeat.tokens))
    assert schedule.late_s == pytest.approx(16 - schedule.done, abs=1.5)


def test_a_tight_budget_gives_up_second_visits_before_sizes() -> None:
    clock = FakeClock()
    schedule = Schedule(a_plan(points_per_op=10), an_op_plan(), a_scenario, clock=clock)
    schedule.deadline_s = 7.5
    while (repeat := schedule.next()) is not None:
        clock.advance(1.0)
        schedule.measured(repeat, timing(schedule, repeat, 1000 * repeat.tokens))
    assert schedule.unmeasured == []
    assert schedule.measured_once
    assert schedule.left > 0


def test_counters_without_times_are_taken_once() -> None:
    schedule = Schedule(a_plan(), an_op_plan(), a_scenario)
    repeats = work_off(schedule, lambda _: [])
    assert sorted(repeats, key=lambda it: it.tokens) == [
        Repeat(size, 0) for size in sorted({*an_op_plan().first, *an_op_plan().holdout})
    ]


def test_a_deadline_leaves_sizes_unmeasured_and_giving_up_fails_them() -> None:
    schedule = Schedule(a_plan(points_per_op=10), an_op_plan(), a_scenario)
    first = schedule.next()
    assert first is not None
    schedule.measured(first, timing(schedule, first, 1000))
    left = {*an_op_plan().first, *an_op_plan().holdout} - {first.tokens}
    assert schedule.unmeasured == sorted(left)
    assert {failure.scenario_key for failure in schedule.give_up("no torch")} == {
        a_scenario(size).key for size in left
    }


def test_sampling_all_chooses_nothing_more() -> None:
    op_plan = an_op_plan(first=(1, 2, 3, 4), holdout=())
    schedule = Schedule(a_plan(sampling="all", points_per_op=24), op_plan, a_scenario)
    assert {repeat.tokens for repeat in work_off(schedule)} == {1, 2, 3, 4}


def test_the_total_is_what_is_done_in_the_end(schedule: Schedule) -> None:
    assert len(work_off(schedule)) == schedule.total == schedule.done


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


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 30))
def test_an_interrupted_sweep_goes_on_where_it_stopped(done_before: int) -> None:
    plan, op_plan = a_plan(points_per_op=10), an_op_plan(spare_holdout=(9, 17, 51))
    whole = Schedule(plan, op_plan, a_scenario)
    repeats: list[Repeat] = []
    recordings: list[Recording] = []
    for turn in range(2):
        while (repeat := whole.next()) is not None:
            repeats.append(repeat)
            one = timing(whole, repeat, 1000 * repeat.tokens)
            recordings.insert(0, a_recording(one))  # in any order
            whole.measured(repeat, one)
        if not turn:
            whole.end_sampling()
            whole.turn_late(2, inf)
    held = [one for one in recordings if one.served[0].started_utc_ns < done_before]
    resumed = Schedule(plan, op_plan, a_scenario, recordings=held)
    again = repeats[:done_before] + work_off(resumed)
    assert len(set(again)) == len(again)
    assert again[:done_before] == repeats[:done_before]
    sizes = {it.tokens for it in repeats}
    assert {it.tokens for it in again} >= {*an_op_plan().first, *an_op_plan().holdout}
    assert len({it.tokens for it in again}) == len(sizes)
    assert all(Repeat(size, 1) in again for size in {it.tokens for it in again})
