"""The whole selftest, with stand-ins for its steps."""

import json
import os
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from moeprof.pipeline.selftest.results import ClaimOutcome, Selftest, StepOutcome
from moeprof.pipeline.selftest.schedule import STEPS
from moeprof.pipeline.selftest.selftest import SelftestResult, selftest
from moeprof.store.document import read_document
from moeprof.store.errors import BadInput
from moeprof.tests.pipeline.conftest import Listener
from moeprof.tests.pipeline.selftest.made_up import gpu_facts
from moeprof.tests.pipeline.selftest.step_programs import (
    CRASHES,
    DONE,
    FAILED,
    HANGS,
    SKIPPED,
    programs,
)

ALL_DONE = [StepOutcome.DONE] * len(STEPS)


def run(
    store: Path,
    steps: Mapping[str, str] | None = None,
    budget_s: float = 300.0,
    listener: Listener | None = None,
) -> SelftestResult:
    return selftest(
        store=store,
        budget_s=budget_s,
        progress=listener or Listener(),
        command_of=programs(DONE, steps),
    )


def tells(facts: Mapping[str, object]) -> str:
    return f"tell({{'facts': json.loads({json.dumps(facts)!r})}})\n" + DONE.partition("\n")[2]


def test_every_step_runs_and_is_written_and_packed(tmp_path: Path, listener: Listener) -> None:
    found = run(tmp_path, listener=listener)
    assert [one.outcome for one in found.selftest.steps] == ALL_DONE
    assert (found.selftest.device, found.selftest.device_name) == ("cpu", "a CPU")
    assert read_document(found.folder / "selftest.json", Selftest) == found.selftest
    with tarfile.open(found.archive) as tar:
        names = {Path(name).name for name in tar.getnames()}
    assert {f"{step.name}.json" for step in STEPS} | {"selftest.json"} == names
    assert len([text for text in listener.notices if " at most" in text]) == len(STEPS) + 1


def test_on_a_gpu_on_which_all_holds_no_claim_fails(tmp_path: Path) -> None:
    steps = {name: tells(facts) for name, facts in gpu_facts().items()}
    found = run(tmp_path, steps).selftest
    assert (found.device_name, found.has_fail) == ("NVIDIA H200", False)
    assert sum(one.outcome is ClaimOutcome.PASS for one in found.claims) == len(found.claims) - 1


@pytest.mark.parametrize("text", [CRASHES, FAILED, SKIPPED], ids=["crash", "failure", "skip"])
def test_a_step_that_does_not_end_well_ends_no_other(tmp_path: Path, text: str) -> None:
    found = run(tmp_path, {"kernels": text}).selftest
    expected = StepOutcome.SKIPPED if text == SKIPPED else StepOutcome.FAILED
    assert [one.outcome for one in found.steps] == [ALL_DONE[0], expected, *ALL_DONE[2:]]
    assert found.has_fail == (text != SKIPPED)


# A folder in the way of each file refuses it as a full disk does, also to a test that is root.
FILLS = """
from pathlib import Path
folder = Path(sys.argv[1])
(folder / "selftest.json").unlink(missing_ok=True)
(folder / "selftest.json" / "x").mkdir(parents=True)
for step in ("kernels", "sweep", "model", "verdict", "counters", "idle"):
    (folder / "results" / f"{step}.json" / "x").mkdir(parents=True)
    (folder / "logs" / f"{step}.log").mkdir(parents=True, exist_ok=True)
"""


def test_what_cannot_be_written_amid_a_selftest_is_judged_all_the_same(
    tmp_path: Path, listener: Listener
) -> None:
    found = run(tmp_path, {"doctor": FILLS + DONE}, listener=listener)
    assert found.unwritten is not None
    assert str(found.folder) in found.unwritten.message
    assert len([text for text in listener.warnings if "selftest.json" in text]) == 1
    assert found.selftest.device == "cpu"
    assert len(found.selftest.claims) == len(run(tmp_path).selftest.claims)


BUSY = 'tell({"outcome": "skipped", "reason": "another sweep is measuring core 0"})\n'


@pytest.mark.parametrize(
    ("steps", "reason"),
    [
        ({"sweep": BUSY, "model": FAILED, "verdict": FAILED}, "another sweep is measuring core 0"),
        ({"sweep": FAILED, "model": FAILED, "verdict": FAILED}, "sweep: no curve in x"),
    ],
    ids=["skip", "failure"],
)
def test_steps_without_a_sweep_are_skipped_for_its_reason(
    tmp_path: Path, steps: Mapping[str, str], reason: str
) -> None:
    found = run(tmp_path, steps).selftest
    of_sweep = {one.step: (one.outcome, one.reason) for one in found.steps[3:5]}
    assert of_sweep == dict.fromkeys(("model", "verdict"), (StepOutcome.SKIPPED, reason))
    failed = sum(one.outcome is ClaimOutcome.FAIL for one in found.claims)
    assert failed == (steps["sweep"] == FAILED)
    assert found.claims[0].value in (None, failed)


def test_what_a_failed_sweep_left_is_made_a_model(tmp_path: Path) -> None:
    found = run(tmp_path, {"sweep": FAILED}).selftest
    assert [one.outcome for one in found.steps[3:5]] == ALL_DONE[3:5]


def test_a_step_that_hangs_costs_its_own_time(tmp_path: Path) -> None:
    begin_s = time.monotonic()
    found = run(tmp_path, {"doctor": HANGS}, budget_s=20.0).selftest
    assert found.steps[0].outcome is StepOutcome.SKIPPED
    assert found.steps[0].reason == f"the budget cut it off after {STEPS[0].share * 20:.0f} s"
    assert StepOutcome.DONE in {one.outcome for one in found.steps[1:]}
    assert (found.has_fail, found.is_cut_short) == (False, True)
    assert time.monotonic() - begin_s < 60


def test_a_budget_that_is_spent_is_said(tmp_path: Path, listener: Listener) -> None:
    found = run(tmp_path, budget_s=0.5, listener=listener).selftest
    assert {(one.outcome, one.reason) for one in found.steps} == {
        (StepOutcome.SKIPPED, "the budget was spent")
    }
    assert (found.has_fail, found.is_cut_short) == (False, True)
    assert listener.warnings == [
        "a budget of 0.5 s is less than 240 s: steps that are well may be cut off, and count as"
        " skipped"
    ]


def test_an_interrupt_leaves_what_there_is(tmp_path: Path) -> None:
    class Interrupting(Listener):
        def notice(self, text: str) -> None:
            if text.startswith("3/"):
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt, match=r"what there is by now: .*\.tar\.gz"):
        run(tmp_path, listener=Interrupting())
    (folder,) = (path for path in tmp_path.iterdir() if path.is_dir())
    left = read_document(folder / "selftest.json", Selftest)
    assert ([one.step for one in left.steps], left.ended) == (["doctor", "kernels"], False)
    assert folder.with_name(f"{folder.name}.tar.gz").is_file()


KILLED = """
from pathlib import Path
from moeprof.pipeline.selftest.selftest import selftest
from moeprof.tests.pipeline.selftest.step_programs import DONE, HANGS, programs
selftest(store={store!r}, command_of=programs(DONE, {{"sweep": HANGS}}))
"""


def test_one_that_is_killed_leaves_what_its_steps_found(tmp_path: Path) -> None:
    program = KILLED.format(store=str(tmp_path))
    with subprocess.Popen([sys.executable, "-c", program]) as process:
        while not list(tmp_path.glob("*/results/sweep.json")):
            assert process.poll() is None
            time.sleep(0.05)
        os.kill(process.pid, signal.SIGKILL)
    (archive,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(archive) as tar:
        names = {Path(name).name for name in tar.getnames()}
    assert names == {"selftest.json", "doctor.json", "kernels.json"}


def test_two_at_once_have_folders_of_their_own(tmp_path: Path) -> None:
    folders = {run(tmp_path, budget_s=0.1).folder for _ in range(3)}
    assert len(folders) == 3


@pytest.mark.parametrize("budget_s", [0, -1.0, float("nan")])
def test_a_budget_of_nothing_is_refused(tmp_path: Path, budget_s: float) -> None:
    with pytest.raises(BadInput, match="budget_s is"):
        run(tmp_path, budget_s=budget_s)
    assert list(tmp_path.iterdir()) == []


def test_a_store_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BadInput, match="cannot write"):
        run(tmp_path / "file" / "store")
