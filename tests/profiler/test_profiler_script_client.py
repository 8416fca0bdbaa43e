"""The client of an isolated script, with a script that a run really holds."""

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from moeprof.profiler.process.line_process import ProcessEnded
from moeprof.profiler.script_client import Refused, ScriptClient
from moeprof.scenarios.catalogue import find_ops
from moeprof.scenarios.preset import load_preset
from moeprof.scenarios.script import render_script
from moeprof.tests.builders import plan_run
from moeprof.tests.profiler.answering import READY

LONG_S = 120.0  # no answer of these takes as long on any machine
Write = Callable[..., ScriptClient]


@pytest.fixture(scope="module")
def relu(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScriptClient]:
    """The real script of relu, started."""
    preset = load_preset("small")
    plan = plan_run("relu", (1, 4), preset, sampling="all")
    (loaded,) = find_ops("relu")
    script = tmp_path_factory.mktemp("scripts") / "relu.py"
    script.write_text(render_script(loaded.operation, preset, plan, plan.ops[0], 1 << 20))
    with ScriptClient([sys.executable, str(script), "--serve"], LONG_S) as client:
        client.start(LONG_S)
        yield client
        assert client.finish() == 0


def test_a_size_is_timed(relu: ScriptClient) -> None:
    timing = relu.time(4, 1)
    assert "-b4-" in timing.scenario_key
    assert timing.visit == 1
    assert timing.calls == len(timing.calls_ns) >= 10


def test_a_load_runs_until_it_is_stopped(relu: ScriptClient) -> None:
    key = relu.time(4, 0).scenario_key
    before_ns = time.monotonic_ns()
    begin_ns = relu.begin_load(4, 2, key)
    load = relu.stop()
    assert before_ns < begin_ns == load.marks_ns[0] <= load.marks_ns[-1] < time.monotonic_ns()
    assert (load.kind, load.visit, load.launches[0]) == ("operation", 2, 0)
    assert "-b4-" in str(load.scenario_key)


def test_idling_is_a_baseline(relu: ScriptClient) -> None:
    begin_ns = relu.begin_idle(1)
    load = relu.stop()
    assert (load.kind, load.scenario_key, load.visit) == ("idle", None, 1)
    assert load.marks_ns[0] == begin_ns


def test_a_refusal_has_the_reason_of_the_script_and_ends_nothing(relu: ScriptClient) -> None:
    with pytest.raises(Refused, match="the batch size is 0"):
        relu.time(0, 0)
    with pytest.raises(Refused, match="the batch size is 0"):
        relu.begin_load(0, 0, "relu-b0")
    assert relu.time(1, 0).calls > 0


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Give a client of a script with a text of one's own."""

    def client(text: str, answer_s: float = LONG_S) -> ScriptClient:
        script = tmp_path / "script.py"
        script.write_text(text)
        return ScriptClient([sys.executable, str(script)], answer_s)

    return client


def test_the_segments_of_a_mixed_workload_are_read(write: Write) -> None:
    segment = {"op": "gelu", "tokens": 4, "begin_ns": 1, "end_ns": 2, "launches": 3}
    answer = f"input(); answer({{'stretches': [{segment}]}})"
    with write(READY + answer) as script:
        script.start(LONG_S)
        (found,) = script.run_mixed_workload().stretches
    assert (found.op, found.tokens, found.launches) == ("gelu", 4, 3)


def test_a_script_that_does_not_start_says_why(write: Write) -> None:
    with write("raise SystemExit('no torch')") as script:
        with pytest.raises(ProcessEnded, match="exit code 1: no torch"):
            script.start(LONG_S)


def test_a_script_that_does_not_exit_is_ended_alone(write: Write) -> None:
    stays = "sys.stdin.read(); answer({'ended': True}); time.sleep(600)"
    with write(READY + stays, answer_s=0.2) as script:
        script.start(LONG_S)
        assert script.finish() == -9


def test_a_script_that_hangs_is_given_up_after_its_time(write: Write) -> None:
    with write(f"{READY}sys.stdin.read()", answer_s=0.05) as script:
        script.start(LONG_S)
        with pytest.raises(ProcessEnded, match=r"no answer within 0\.05 s"):
            script.time(1, 0)
        script.kill()
        assert script.finish() == -9
