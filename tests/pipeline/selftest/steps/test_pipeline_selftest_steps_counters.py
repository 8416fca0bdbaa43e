"""The counters' step, with recordings as ncu leaves them."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from moeprof.pipeline.profile import OpSummary, ProfileResult, RunOptions
from moeprof.pipeline.selftest.steps import counters
from moeprof.pipeline.selftest.steps.counters import read_counters
from moeprof.pipeline.selftest.work import StepFailed
from moeprof.store.document import write_document
from moeprof.store.errors import CannotMeasure
from moeprof.store.recording import PointTiming, Recording, sha256_of
from moeprof.store.run import Run
from moeprof.tests.builders import make_plan, make_provenance, make_scenario
from moeprof.tests.parsers.ncu.raw_page import page
from moeprof.tests.pipeline.selftest.steps.told import work_in

READ = "dram__bytes_read.sum"
TIME = "gpu__time_duration.sum"


@pytest.fixture
def ncu(
    monkeypatch: pytest.MonkeyPatch, recording: Callable[..., Recording]
) -> Callable[..., None]:
    """Give a function that lets ncu read so many bytes from DRAM, or fail with a warning."""

    def put(
        *, failure: str | None = None, unmeasured: Sequence[int] = (), **read_bytes: int
    ) -> None:
        def profile(options: RunOptions, *, store: Path, progress: object) -> ProfileResult:
            run = Run(store / f"run-{options.l2}")
            if failure is None:
                text = page([{TIME: "8.736", READ: str(read_bytes[options.l2])}])
                write_counted(run, recording, text)
            summary = OpSummary("dequant_linear", "ncu", measured=int(failure is None))
            summary.unmeasured += unmeasured
            return ProfileResult(run.folder, (summary,), () if failure is None else (failure,))

        monkeypatch.setattr(counters, "choose_device", lambda name: "cuda:0")
        monkeypatch.setattr(counters, "profile", profile)

    return put


def write_counted(run: Run, recording: Callable[..., Recording], text: str) -> None:
    unit = "gelu-b4"
    folder = run.unit("ncu", unit)
    folder.mkdir(parents=True)
    (folder / "counters.csv").write_text(text)
    timing = PointTiming(make_scenario(4).key, 0, 1, (), 0, 1)
    files = {"counters.csv": sha256_of(folder / "counters.csv")}
    run.keep(recording([timing], collector="ncu", unit=unit, files=files))
    write_document(run.plan_path, replace(make_plan(), collectors=("ncu",)))
    write_document(run.provenance_path, make_provenance())


def test_a_cold_call_and_a_hot_one_are_counted(tmp_path: Path, ncu: Callable[..., None]) -> None:
    ncu(cold=4096, hot=32)
    work, told = work_in(tmp_path)
    found = read_counters(work)
    assert [one["dram_read_bytes"] for one in found["cold"]["launches"]] == [4096.0]
    assert [one["dram_read_bytes"] for one in found["hot"]["launches"]] == [32.0]
    assert found["cold"]["bytes_moved"] == make_scenario(4).bytes_moved
    assert "hot" not in told.facts[0] or told.facts[0] is told.facts[1]


def test_a_driver_that_permits_no_counters_is_no_failure(
    tmp_path: Path, ncu: Callable[..., None]
) -> None:
    ncu(failure="gelu-b4: ncu left no report: ==ERROR== ERR_NVGPUCTRPERM")
    with pytest.raises(CannotMeasure, match="ERR_NVGPUCTRPERM"):
        read_counters(work_in(tmp_path)[0])


def test_an_ncu_that_records_nothing_fails(tmp_path: Path, ncu: Callable[..., None]) -> None:
    ncu(failure="gelu-b4: ncu left no report")
    with pytest.raises(StepFailed, match="ncu left no report"):
        read_counters(work_in(tmp_path)[0])


def test_a_call_that_the_budget_ends_is_not_measured(
    tmp_path: Path, ncu: Callable[..., None]
) -> None:
    ncu(failure="the budget ended before every planned size was measured", unmeasured=[16])
    found = read_counters(work_in(tmp_path)[0])
    assert found["cold"] == {"reason": "not measured: the budget was spent"}


def test_without_time_no_call_is_counted(tmp_path: Path, ncu: Callable[..., None]) -> None:
    ncu(cold=1, hot=1)
    found = read_counters(work_in(tmp_path, seconds=3.0)[0])
    assert found["cold"] == {"reason": "no time was left for the cold call"}
    assert found["hot"] == {"reason": "no time was left for the hot call"}
