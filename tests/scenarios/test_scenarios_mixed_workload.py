"""The mixed workload's script: what it runs, prints and answers, on a fake clock."""

import io
import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest

from moeprof.scenarios.catalogue import find_ops
from moeprof.scenarios.mixed_workload import NAME, render_mixed_workload
from moeprof.scenarios.preset import load_preset
from moeprof.scenarios.script import render_script
from moeprof.store.mixed_workload import MixedWorkload
from moeprof.store.plan import Plan
from moeprof.tests.builders import plan_run
from moeprof.tests.scenarios.fake_time import FakeTime
from moeprof.tests.scenarios.test_scenarios_script import names_of

MIXED_WORKLOAD_S = 3.0
CALL_S = 0.01


@pytest.fixture(scope="module")
def plan() -> Plan:
    return plan_run("relu,topk", tuple(range(1, 17)), load_preset("small"), seed=3)


@pytest.fixture(scope="module")
def scripts(tmp_path_factory: pytest.TempPathFactory, plan: Plan) -> Path:
    """A folder with the isolated scripts of two operations and the script of their mix."""
    folder = tmp_path_factory.mktemp("scripts")
    for found, op_plan in zip(find_ops("relu,topk"), plan.ops, strict=True):
        text = render_script(found.operation, load_preset("small"), plan, op_plan, 1 << 20)
        (folder / f"{op_plan.op}.py").write_text(text)
    (folder / f"{NAME}.py").write_text(render_mixed_workload(plan, MIXED_WORKLOAD_S))
    return folder


def on_fake_clock(folder: Path) -> dict[str, Any]:
    """Names of the script on a fake clock, on which each call of an operation takes 10 ms."""
    path, clock = folder / f"{NAME}.py", FakeTime()
    names: dict[str, Any] = {"__name__": "by_hand", "__file__": str(path)}
    exec(path.read_text(), names)
    load = names["loaded"]

    def loaded(op: str) -> Any:
        script = load(op)
        operation = script.run

        def run(*inputs: object) -> object:
            clock.advance(CALL_S)
            return operation(*inputs)

        script.time, script.run = clock, run
        return script

    names |= {"loaded": loaded, "time": clock}
    return names


def test_it_holds_the_held_out_sizes_of_each_operation(plan: Plan) -> None:
    names = names_of(render_mixed_workload(plan))
    assert names["SIZES"] == {op.op: list(op.holdout) for op in plan.ops}
    assert (names["SEED"], names["DEVICE"], names["THREADS"]) == (3, "cpu", 1)


def test_the_seed_decides_order_and_lengths(plan: Plan) -> None:
    def first(seed: int) -> list[tuple[object, ...]]:
        drawn = names_of(render_mixed_workload(replace(plan, seed=seed)))["drawn"](["a", "b", "c"])
        return [next(drawn) for _ in range(300)]

    assert first(1) == first(1)
    assert first(1) != first(2)
    turns = first(1)
    lengths = [float(str(length_s)) for _, length_s, _ in turns]
    assert 0.005 <= min(lengths) < 0.02 < 0.18 < max(lengths) <= 0.2
    assert {part for part, _, _ in turns[:3]} == {"a", "b", "c"}  # each comes in its turn
    pauses_s = sum(float(str(pause_s)) for *_, pause_s in turns)
    assert pauses_s / (pauses_s + sum(lengths)) == pytest.approx(0.1, abs=0.03)


def test_with_serve_it_says_when_it_is_ready_and_answers_with_what_ran(
    scripts: Path,
    plan: Plan,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    script = on_fake_clock(scripts)
    monkeypatch.setattr("sys.stdin", io.StringIO("replay\n"))
    script["serve"]()
    ready, answer = map(json.loads, capfd.readouterr().out.splitlines())
    planned = {(op.op, size) for op in plan.ops for size in op.holdout}
    assert (ready["ready"], ready["parts"]) == (True, len(planned))
    workload = msgspec.convert(answer, MixedWorkload)
    assert (workload.left_out, workload.launched_one_by_one) == ((), ())
    segments = workload.stretches
    assert {(one.op, one.tokens) for one in segments} <= planned
    for one in segments:
        assert (one.end_ns - one.begin_ns) / 1e9 == pytest.approx(CALL_S * one.launches)
    for one, after in pairwise(segments):
        assert one.end_ns <= after.begin_ns
    length_s = (segments[-1].end_ns - segments[0].begin_ns) / 1e9
    assert MIXED_WORKLOAD_S <= length_s < MIXED_WORKLOAD_S + 0.2
    busy_s = sum(one.end_ns - one.begin_ns for one in segments) / 1e9
    assert 0.6 * length_s < busy_s < length_s


def test_by_hand_it_prints_how_many_calls_ran_and_what_could_not(
    scripts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script = on_fake_clock(scripts)
    script["SIZES"] = {"relu": [2, 1000000000], "topk": [2]}
    script["show"]()
    *ran, failed, last = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in ran] == ["relu b=2", "topk b=2"]
    assert failed.startswith("relu b=1000000000: ValueError: the operation takes ")
    assert last.endswith(f"s of {MIXED_WORKLOAD_S} s")


def test_it_runs_in_a_process_of_its_own(scripts: Path, plan: Plan, tmp_path: Path) -> None:
    shutil.copytree(scripts, tmp_path, dirs_exist_ok=True)
    (tmp_path / f"{NAME}.py").write_text(render_mixed_workload(plan, replay_s=0.01))
    done = subprocess.run(
        [sys.executable, f"{NAME}.py", "--serve"],
        cwd=tmp_path,
        input="replay\n",
        capture_output=True,
        text=True,
        timeout=600,
        env={**os.environ, "PYTHONSAFEPATH": "1"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    _, answer = map(json.loads, done.stdout.splitlines())
    assert msgspec.convert(answer, MixedWorkload).stretches
