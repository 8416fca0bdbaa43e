"""The kernels' step: real kernels in Triton's interpreter, and a program that crashes or hangs."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from moeprof.kernels.checking.cases import Case
from moeprof.pipeline.selftest.steps import kernels
from moeprof.pipeline.selftest.steps.kernels import check_kernels
from moeprof.profiler.process import line_process
from moeprof.tests.pipeline.selftest.steps.told import work_in

CASES = [Case("topk", (8, 2), 1), Case("active_set", (8, 2), 1), Case("topk", (8, 2), 2)]
ANSWERS = """
import json, os, sys, time
for line in sys.stdin:
    asked = json.loads(line)
    {body}
    row = {{"times_torch": 1.0, "wrong_integers": 0, "runs": asked["runs"], "different": 0}}
    os.write(int(os.environ["MOEPROF_ANSWERS_FD"]), json.dumps(row).encode() + b"\\n")
"""
CRASH_OF_ACTIVE_SET = "asked['kernel'] == 'active_set' and os._exit(139)"


@pytest.fixture(autouse=True)
def _on_a_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernels, "choose_device", lambda name: "cpu")
    monkeypatch.setattr(kernels, "interpreter_cases", lambda: CASES)


@pytest.fixture
def stand_in_program(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Give a function that puts another program in place of the one that checks."""

    class StandIn(line_process.LineProcess):
        def __init__(self, command: Sequence[str], **more: object) -> None:
            super().__init__([command[0], "-S", "-c", ANSWERS.format(body=StandIn.body)])

        body = "pass"

    def put(body: str) -> None:
        StandIn.body = body
        monkeypatch.setattr(kernels, "LineProcess", StandIn)

    return put


def test_the_kernels_are_right_in_the_interpreter(tmp_path: Path) -> None:
    pytest.importorskip("triton", reason="Triton is not installed")
    work, told = work_in(tmp_path)
    found = check_kernels(work)
    assert [row["case"] for row in found["cases"]] == [case.name for case in CASES]
    for row in found["cases"]:
        assert row["times_torch"] <= 2
        assert (row["runs"], row["different"], row["wrong_integers"]) == (3, 0, 0)
    assert len(told.points) == len(CASES)


def test_a_case_that_crashes_costs_itself(
    tmp_path: Path, stand_in_program: Callable[[str], None]
) -> None:
    stand_in_program(CRASH_OF_ACTIVE_SET)
    work, told = work_in(tmp_path)
    good, crashed, last = check_kernels(work)["cases"]
    assert crashed["failure"] == "the process ended with exit code 139"
    assert good["times_torch"] == last["times_torch"] == 1.0
    assert len(told.facts) == len(CASES)


def test_a_program_that_never_answers_is_given_up(
    tmp_path: Path, stand_in_program: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in_program("os._exit(1)")
    monkeypatch.setattr(kernels, "interpreter_cases", lambda: CASES * 2)
    assert len(check_kernels(work_in(tmp_path)[0])["cases"]) == 3


def test_a_case_for_which_no_time_is_left_is_not_said_to_fail(
    tmp_path: Path, stand_in_program: Callable[[str], None]
) -> None:
    stand_in_program("time.sleep(600)")
    found = check_kernels(work_in(tmp_path, seconds=4.0)[0])
    assert (found["cases"], found["planned"]) == ([], 3)


def test_without_time_no_case_is_begun(tmp_path: Path) -> None:
    assert check_kernels(work_in(tmp_path, seconds=0.5)[0])["cases"] == []
