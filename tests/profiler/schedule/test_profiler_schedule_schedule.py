"""Which size comes next."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moeprof.profiler.schedule.repeat import Repeat
from moeprof.profiler.schedule.schedule import Schedule
from moeprof.store.recording import PointTiming, Recording
from moeprof.tests.profiler.worlds import a_plan, a_recording, a_scenario, an_op_plan


def work_off(
    schedule: Schedule, time_ns: Callable[[int], int] = lambda size: 1000 * size
) -> list[Repeat]:
    """Answer every visit of an agenda, the repeats too, as a sweep does; return them in order."""
    visits = []
    for turn in ("all", "repeats"):
        if turn == "repeats":
            schedule.end_sampling()
            schedule.turn_late(float("inf"))
        while (visit := schedule.next()) is not None:
            visits.append(visit)
            schedule.measured(visit, served(schedule, visit, time_ns(visit.tokens)))
    return visits


def served(schedule: Schedule, visit: Repeat, *times_ns: int) -> PointTiming:
    return PointTiming(schedule.key(visit), visit.number, len(times_ns), times_ns, 0, 1)


@pytest.fixture
def schedule() -> Schedule:
    return Schedule(a_plan(points_per_op=10), an_op_plan(), a_scenario)


def test_all_that_is_planned_comes_first_and_the_repeats_last(schedule: Schedule) -> None:
    op_plan = an_op_plan()
    visits = work_off(schedule)
    planned = [*op_plan.first, *op_plan.holdout]
    assert sorted(visit.tokens for visit in visits[: len(planned)]) == sorted(planned)
    assert sorted(visits[-2:], key=lambda v: v.tokens) == [
        Repeat(size, 1) for size in op_plan.holdout
    ]


def test_sizes_to_be_loaded_are_those_of_the_fit_or_all_where_only_a_hold_out_is_measured(
    schedule: Schedule,
) -> None:
    work_off(schedule)
    assert set(an_op_plan().first) <= set(schedule.fitted_sizes)
    assert not set(an_op_plan().holdout) & set(schedule.fitted_sizes)
    alone = Schedule(a_plan(sampling="all"), an_op_plan(first=()), a_scenario)
    assert sorted(work_off(alone), key=lambda visit: (visit.number, visit.tokens)) == [
        Repeat(size, number) for number in (0, 1) for size in an_op_plan().holdout
    ]
    assert alone.fitted_sizes == [*an_op_plan().holdout]


def test_adaptive_sizes_fill_up_to_the_point_budget_and_spare_the_holdout(
    schedule: Schedule,
) -> None:
    op_plan = an_op_plan()
    fit = {visit.tokens for visit in work_off(schedule)} - set(op_plan.holdout)
    assert len(fit) == 10
    assert fit <= set(op_plan.domain)


def test_no_size_is_visited_twice_but_the_holdout(schedule: Schedule) -> None:
    visits = work_off(schedule)
    assert len(set(visits)) == len(visits)
    assert {visit.tokens for visit in visits if visit.number} == set(an_op_plan().holdout)


def test_what_is_in_doubt_is_visited_once_more(schedule: Schedule) -> None:
    """Size 1 took longer than the next larger one, and the calls of the last one spread."""
    *_, last = an_op_plan().first
    while (visit := schedule.next()) is not None:
        times = [1000 * visit.tokens] * 8
        times = [9_000_000] * 8 if visit.tokens == 1 else times
        times = [*times[:4], *(2 * time for time in times[4:])] if visit.tokens == last else times
        schedule.measured(visit, served(schedule, visit, *times))
    schedule.end_sampling()
    schedule.turn_late(float("inf"))
    again = []
    while (visit := schedule.next()) is not None:
        again.append(visit)
        schedule.measured(visit, served(schedule, visit, 1000 * visit.tokens))
    assert {visit.tokens for visit in again} == {*an_op_plan().holdout, 1, last}
    assert {visit.number for visit in again} == {1}


def test_what_calibrates_the_intervals_is_measured_late_in_another_process() -> None:
    op_plan = an_op_plan(calibration=(7, 40))
    schedule = Schedule(a_plan(points_per_op=10), op_plan, a_scenario)
    total, visits = schedule.total, work_off(schedule)
    assert len(visits) == total
    calibrating, repeats = visits[-4:-2], visits[-2:]
    assert {visit.tokens for visit in calibrating} == {7, 40}
    assert {visit.number for visit in calibrating} == {0}
    assert set(repeats) == {Repeat(size, 1) for size in op_plan.holdout}


def test_a_deadline_leaves_calibration_sizes_unmeasured_and_giving_up_fails_them() -> None:
    schedule = Schedule(a_plan(points_per_op=10), an_op_plan(calibration=(7, 40)), a_scenario)
    while (visit := schedule.next()) is not None:
        schedule.measured(visit, served(schedule, visit, 1000 * visit.tokens))
    assert schedule.unmeasured == [7, 40]
    assert {failure.scenario_key for failure in schedule.give_up("no torch")} == {
        a_scenario(size).key for size in (7, 40)
    }


def test_sampling_all_chooses_nothing_more() -> None:
    op_plan = an_op_plan(first=(1, 2, 3, 4), holdout=())
    schedule = Schedule(a_plan(sampling="all", points_per_op=24), op_plan, a_scenario)
    assert sorted(visit.tokens for visit in work_off(schedule)) == [1, 2, 3, 4]


def test_the_total_is_what_is_done_in_the_end(schedule: Schedule) -> None:
    total = schedule.total
    assert len(work_off(schedule)) == total == schedule.done


def test_the_order_comes_from_the_seed_alone() -> None:
    def order(seed: int) -> list[Repeat]:
        return work_off(Schedule(a_plan(seed=seed), an_op_plan(), a_scenario))

    assert order(1) == order(1)
    assert order(1) != order(2)


def test_a_failed_size_is_not_asked_for_again(schedule: Schedule) -> None:
    visits = []
    while (visit := schedule.next()) is not None:
        visits.append(visit)
        schedule.failed(visit, "it hung")
    assert len({visit.tokens for visit in visits}) == len(visits)
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


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 12))
def test_an_interrupted_sweep_goes_on_where_it_stopped(done_before: int) -> None:
    plan, op_plan = a_plan(points_per_op=10), an_op_plan()
    whole = Schedule(plan, op_plan, a_scenario)
    visits = work_off(whole)
    recordings: list[Recording] = [
        a_recording(served(whole, visit, 1000 * visit.tokens)) for visit in visits[:done_before]
    ]
    resumed = Schedule(plan, op_plan, a_scenario, recordings=recordings)
    assert visits[:done_before] + work_off(resumed) == visits
