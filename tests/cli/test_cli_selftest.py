"""`moeprof selftest`: what it prints, and its exit code."""

from dataclasses import replace
from pathlib import Path

import pytest

from moeprof.pipeline.selftest import selftest as stage
from moeprof.pipeline.selftest.claims import STATEMENTS, judge
from moeprof.pipeline.selftest.results import Selftest, StepOutcome
from moeprof.pipeline.selftest.selftest import SelftestResult
from moeprof.store.errors import BadInput
from moeprof.tests.cli.command_line import Moeprof
from moeprof.tests.pipeline.selftest.made_up import ended_steps, gpu_facts


class StandIn:
    """A selftest that found what `found` says; `asked` holds what it was asked for."""

    def __init__(self) -> None:
        steps = tuple(ended_steps())
        self.found = Selftest(
            utc="2026-11-30T10:00:00+00:00",
            version="0.1.0",
            budget_s=480.0,
            device="cuda:0",
            device_name="NVIDIA H200",
            ended=True,
            steps=steps,
            claims=judge(steps, gpu_facts(), "cuda:0"),
        )
        self.asked: dict[str, object] = {}
        self.unwritten: BadInput | None = None

    def __call__(self, *, store: Path, budget_s: float, progress: object) -> SelftestResult:
        self.asked = {"store": store, "budget_s": budget_s}
        folder, archive = store / "selftest-1", store / "selftest-1.tar.gz"
        return SelftestResult(self.found, folder, archive, self.unwritten)


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> StandIn:
    put = StandIn()
    monkeypatch.setattr(stage, "selftest", put)
    return put


def test_every_claim_is_in_a_table_of_80_columns(moeprof: Moeprof, stand_in: StandIn) -> None:
    result = moeprof("selftest")
    assert max(map(len, result.stdout.splitlines())) <= 80
    for claim in STATEMENTS:
        assert claim.claim in result.stdout
    assert "NVIDIA H200: 19 PASS, 0 FAIL, 1 SKIP" in result.stdout
    assert result.exit_code == 0


def test_a_claim_that_does_not_hold_is_exit_1(moeprof: Moeprof, stand_in: StandIn) -> None:
    steps = ended_steps(kernels="signal SIGSEGV")
    claims = judge(steps, gpu_facts(), "cuda:0")
    stand_in.found = replace(stand_in.found, claims=claims)
    result = moeprof("selftest")
    assert result.exit_code == 1
    assert "kernels: signal SIGSEGV" in result.stdout


def test_a_selftest_that_cannot_be_written_prints_its_table_and_why(
    moeprof: Moeprof, stand_in: StandIn
) -> None:
    stand_in.unwritten = BadInput("cannot write x: no space left on device", hint="free some")
    result = moeprof("selftest")
    assert result.exit_code == 2
    assert "NVIDIA H200: 19 PASS" in result.stdout
    assert "no space left on device" in result.stderr


def test_a_selftest_that_the_budget_cut_short_is_exit_4(
    moeprof: Moeprof, stand_in: StandIn
) -> None:
    spent = [replace(one, outcome=StepOutcome.SKIPPED, by_budget=True) for one in ended_steps()]
    stand_in.found = replace(stand_in.found, steps=tuple(spent), claims=judge(spent, {}, None))
    result = moeprof("selftest")
    assert result.exit_code == 4
    assert "0 PASS, 0 FAIL, 20 SKIP" in result.stdout


def test_limits_have_their_units(moeprof: Moeprof, stand_in: StandIn) -> None:
    stand_in.found = replace(
        stand_in.found, claims=judge(ended_steps(idle="killed"), gpu_facts(), "cuda:0")
    )
    shown = " ".join(moeprof("selftest").stdout.split())
    assert "1 step ≤ 0 steps" in shown
    assert "≤ 110 ms" in shown


def test_json_is_the_document(moeprof: Moeprof, stand_in: StandIn) -> None:
    data = moeprof("selftest", "--json").data
    assert data["schema"] == "moeprof.selftest/1.1"
    assert {one["claim"] for one in data["claims"]} > {one.claim for one in STATEMENTS}


def test_it_says_what_to_send_how_to_open_it_and_what_it_lacks(
    moeprof: Moeprof, stand_in: StandIn, tmp_path: Path
) -> None:
    stand_in.found = replace(stand_in.found, left_out=("runs/a/trace.scrubbed.json.gz",))
    assert "elsewhere" not in moeprof("selftest", "--store", tmp_path).stderr  # it has no run
    plan = tmp_path / "selftest-1" / "runs" / "a" / "plan.json"
    plan.parent.mkdir(parents=True)
    plan.touch()
    said = moeprof("selftest", "--store", tmp_path).stderr
    assert "selftest-1.tar.gz" in said
    assert "moeprof report --store selftest-1/runs" in said
    assert "no room in the archive: runs/a/trace.scrubbed.json.gz" in said


def test_the_options_are_handed_on(moeprof: Moeprof, stand_in: StandIn, tmp_path: Path) -> None:
    moeprof("selftest", "--store", tmp_path, "--budget", "90s")
    assert stand_in.asked == {"store": tmp_path, "budget_s": 90.0}


def test_a_budget_that_is_no_duration_is_refused(moeprof: Moeprof, stand_in: StandIn) -> None:
    result = moeprof("selftest", "--budget", "soon")
    assert (result.exit_code, stand_in.asked) == (2, {})
