"""The mixed replay as plain Python that runs by hand, and what it answers."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from moeprof.scenarios.catalogue import find_ops
from moeprof.scenarios.mixed_workload import NAME, render_mixed_workload
from moeprof.scenarios.preset import load_preset
from moeprof.scenarios.script import render_script
from moeprof.store.mixed_workload import MixedWorkload
from moeprof.store.plan import Plan
from moeprof.tests.builders import plan_run
from moeprof.tests.scenarios.test_scenarios_script import names_of

MIXED_WORKLOAD_S = 1.0


@pytest.fixture(scope="module")
def plan() -> Plan:
    return plan_run("relu,topk", tuple(range(1, 17)), load_preset("small"), seed=3)


@pytest.fixture(scope="module")
def scripts(tmp_path_factory: pytest.TempPathFactory, plan: Plan) -> Path:
    """A folder with the isolated scripts of two operations and the mixed replay of them."""
    folder = tmp_path_factory.mktemp("scripts")
    for found, op_plan in zip(find_ops("relu,topk"), plan.ops, strict=True):
        text = render_script(found.operation, load_preset("small"), plan, op_plan, 1 << 20)
        (folder / f"{op_plan.op}.py").write_text(text)
    (folder / f"{NAME}.py").write_text(render_mixed_workload(plan, MIXED_WORKLOAD_S))
    return folder


def run(scripts: Path, *words: str, stdin: str = "") -> list[str]:
    told = subprocess.run(
        [sys.executable, f"{NAME}.py", *words],
        cwd=scripts,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "PYTHONSAFEPATH": "1"},
    )
    assert told.returncode == 0, told.stderr
    return told.stdout.splitlines()


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


def test_served_it_says_when_it_is_ready_and_answers_with_what_ran(
    scripts: Path, plan: Plan
) -> None:
    ready, answer = map(json.loads, run(scripts, "--serve", stdin="replay\n"))
    planned = {(op.op, size) for op in plan.ops for size in op.holdout}
    assert (ready["ready"], ready["parts"]) == (True, len(planned))
    replay = TypeAdapter(MixedWorkload).validate_python(answer)
    assert (replay.left_out, replay.launched_one_by_one) == ((), ())
    assert {(one.op, one.tokens) for one in replay.stretches} <= planned
    for one in replay.stretches:
        assert one.begin_ns < one.end_ns
        assert one.launches > 0
    for one, after in pairwise(replay.stretches):
        assert one.end_ns <= after.begin_ns
    length_s = (replay.stretches[-1].end_ns - replay.stretches[0].begin_ns) / 1e9
    assert MIXED_WORKLOAD_S <= length_s < MIXED_WORKLOAD_S + 1
    busy_s = sum(one.end_ns - one.begin_ns for one in replay.stretches) / 1e9
    assert 0.6 * length_s < busy_s < length_s


def test_by_hand_it_says_how_often_what_ran_and_what_could_not(
    scripts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names: dict[str, Any] = {"__name__": "by_hand", "__file__": str(scripts / f"{NAME}.py")}
    exec((scripts / f"{NAME}.py").read_text(), names)
    names |= {"MIXED_WORKLOAD_S": 0.7, "SIZES": {"relu": [2, 1000000000], "topk": [2]}}
    names["show"]()
    *ran, failed, last = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in ran] == ["relu b=2", "topk b=2"]
    assert failed.startswith("relu b=1000000000: ValueError: the operation takes ")
    assert last.endswith("s of 0.7 s")
