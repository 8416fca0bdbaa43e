"""Worker processes: a crash or a hang costs one point, not the sweep."""

import os
from collections.abc import Callable, Collection
from dataclasses import replace

import pytest

from moeprof.profiler.budget import budget
from moeprof.profiler.host_clock import SYSTEM_CLOCK, monotonic_s
from moeprof.profiler.job import Job
from moeprof.profiler.worker import NOTHING_MEASURED, Session, sessions
from moeprof.scenarios.duration import START_S
from moeprof.store.provenance import Surroundings
from moeprof.store.recording import Failure, PointTiming

MakeJob = Callable[..., Job]


def run_all(job: Job, collector: str = "cpu") -> tuple[list[Session], dict[int, str]]:
    """Run all sessions; return them, and the reason by size of what failed."""
    ran = []
    for session in sessions(job, lambda _: job.script("--serve"), collector):
        list(session.run())
        ran.append(session)
    failures = [one for session in ran for one in session.outcomes if isinstance(one, Failure)]
    return ran, {int(one.scenario_key.split("-")[1][1:]): one.reason for one in failures}


def measured(ran: list[Session]) -> int:
    return sum(isinstance(one, PointTiming) for session in ran for one in session.outcomes)


def test_one_process_times_a_whole_operation(make_job: MakeJob) -> None:
    ran, failures = run_all(make_job())
    assert (len(ran), measured(ran), failures, ran[0].exit_code) == (1, 4, {}, 0)


def test_point_isolation_takes_a_process_per_point(make_job: MakeJob) -> None:
    ran, failures = run_all(make_job(isolation="point"))
    assert (len(ran), measured(ran), failures) == (4, 4, {})


def test_a_crash_costs_one_point(make_job: MakeJob) -> None:
    ran, failures = run_all(make_job("if tokens == 2: sys.exit('the driver is gone')"))
    assert measured(ran) == 3
    assert failures == {2: "the process ended with exit code 1: the driver is gone"}


def test_a_hang_costs_one_point_and_its_time_limit(make_job: MakeJob) -> None:
    ran, failures = run_all(make_job("sys.stdin.read()", first=(3,), point_timeout_s=0.05))
    assert (len(ran), failures) == (1, {3: "no answer within 0.05 s"})


def test_an_error_in_the_script_costs_one_point_and_no_process(make_job: MakeJob) -> None:
    fails = "if tokens == 4: answer({'error': 'out of memory'}); continue"
    ran, failures = run_all(make_job(fails))
    assert (len(ran), measured(ran), failures) == (1, 3, {4: "out of memory"})


def test_a_script_that_does_not_start_fails_all_its_points_at_once(make_job: MakeJob) -> None:
    job = make_job()
    job.run.script("gelu").write_text("import no_such_module")
    ran, failures = run_all(job)
    assert len(ran) == 1
    assert set(failures) == {1, 2, 3, 4}
    assert all("does not start" in why and "no_such_module" in why for why in failures.values())


def test_three_processes_without_result_end_the_operation(make_job: MakeJob) -> None:
    ran, failures = run_all(make_job("os._exit(9)"))
    assert (len(ran), measured(ran), len(failures)) == (3, 0, 4)
    assert NOTHING_MEASURED in failures.values()


LAUNCHES = "more['launch_ns'] = 50_000_000"  # a trace of more than 9 s for each size


def test_a_long_trace_is_ended_and_a_new_process_goes_on(make_job: MakeJob) -> None:
    ran, failures = run_all(make_job(LAUNCHES), "kineto")
    assert ([len(one.outcomes) for one in ran], failures) == ([3, 1], {})
    ran, _ = run_all(make_job(LAUNCHES), "cpu")
    assert len(ran) == 1


def test_a_trace_gets_the_time_that_it_needs_before_the_deadline(make_job: MakeJob) -> None:
    job = make_job(LAUNCHES)
    job.schedule.deadline_s = monotonic_s(job.clock) + 15
    ran, failures = run_all(job, "kineto")
    assert failures == {}
    assert [len(one.outcomes) for one in ran] == [2, 2]  # time stands still, so there is more


def test_no_process_begins_for_which_there_is_no_time(make_job: MakeJob) -> None:
    job = make_job(LAUNCHES)
    job.schedule.deadline_s = monotonic_s(job.clock) + START_S - 1
    ran, failures = run_all(job, "kineto")
    assert ([len(one.outcomes) for one in ran], failures) == ([1], {})
    assert job.schedule.unmeasured


@pytest.mark.parametrize("happens", ["sys.stdin.read()", "time.sleep(3.5); sys.exit(1)"])
def test_what_the_budget_ends_has_not_failed(
    make_job: MakeJob, happens: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(budget, "GRACE_S", 1.0)
    job = make_job(f"if tokens == 3: {happens}", first=(1, 3))
    job.schedule.budget = budget.Budget(monotonic_s(SYSTEM_CLOCK) + 3)
    ran, failures = run_all(job)
    assert (len(ran), failures) == (1, {})
    assert 3 in job.schedule.unmeasured


class Watching:
    """A watch that counts its looks and keeps whom it was told to be ours."""

    def __init__(self) -> None:
        self.ours: list[Collection[int]] = []

    def begin(self, processes: Collection[int] = ()) -> Callable[[], Surroundings]:
        self.ours.append(processes)
        number = len(self.ours)
        return lambda: Surroundings(gpu_processes=number)


def test_each_time_keeps_what_went_on_beside_the_processes_that_took_it(make_job: MakeJob) -> None:
    watch = Watching()
    ran, _ = run_all(replace(make_job(), watch=watch))
    timings = [one for one in ran[0].outcomes if isinstance(one, PointTiming)]
    assert [one.surroundings for one in timings] == [
        Surroundings(gpu_processes=number) for number in (1, 2, 3, 4)
    ]
    (ours,) = set(map(tuple, watch.ours))  # one process and its supervisor, all along
    assert len(ours) == 2
    assert os.getpid() not in ours
