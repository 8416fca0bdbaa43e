"""A recording of a process: what it holds, and no path of the machine."""

from collections.abc import Callable

from moeprof.profiler.job import Job
from moeprof.profiler.record import Tool, Unit, record
from moeprof.profiler.schedule.repeat import Repeat
from moeprof.profiler.worker import Session
from moeprof.store.recording import Failure, Recording
from moeprof.tests.profiler.worlds import a_scenario

MakeJob = Callable[..., Job]


def test_a_recording_holds_the_command_without_any_path_of_the_machine(make_job: MakeJob) -> None:
    job = make_job()
    session = Session(job, job.script("--serve"), Repeat(1, 0), empty_before=0)
    job.run.unit("cpu", "unit").mkdir(parents=True)
    raw = job.run.unit("cpu", "unit") / "raw.txt"
    raw.write_text("raw")
    outcome = Failure(a_scenario(3).key, 0, "it hung")
    made: Recording = record(
        session, [outcome], Unit("cpu", "unit", ["raw.txt"]), Tool("clock", "1")
    )
    assert made.command == ("python", "-P", "scripts/gelu.py", "--serve")
    assert made.scenarios == (a_scenario(3),)
    assert made.failures == (outcome,)
    assert list(made.files) == ["raw.txt"]
