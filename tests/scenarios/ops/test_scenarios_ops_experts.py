"""Grouped experts at three numbers of active ones: what they compute, count and can be given."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from moeprof.scenarios.catalogue import find_ops
from moeprof.scenarios.operation import Operation
from moeprof.scenarios.ops.experts import OPERATIONS
from moeprof.scenarios.preset import Preset, load_preset
from moeprof.scenarios.script import render_script
from moeprof.store.errors import BadInput
from moeprof.tests.builders import plan_run
from moeprof.tests.scenarios.made_inputs import inputs_of, tensors, widened

TINY = Preset("tiny", "made up", 16, 24, 4, 2, "float32", 4, 8)
ODD = Preset("odd", "made up", 40, 56, 7, 3, "float32", 4, 8)
FEW, SOME, ALL = OPERATIONS

each_operation = pytest.mark.parametrize(
    "operation", OPERATIONS, ids=lambda operation: operation.name
)


def test_the_active_experts_are_the_fewest_all_and_their_geometric_mean() -> None:
    presets = (TINY, ODD, load_preset("mixtral-8x7b"), load_preset("deepseek-v3"))
    active = [[one.sizes(preset)["active_experts"] for one in OPERATIONS] for preset in presets]
    assert active == [[2, 3, 4], [3, 5, 7], [2, 4, 8], [8, 45, 256]]


def test_their_curves_differ_in_the_active_experts_alone() -> None:
    curves = [one.scenario(TINY, 4, "float32", "cold").curve for one in OPERATIONS]
    assert curves == [f"experts-16x24-fp32-w4-g8-e4-a{a}-k2-cold" for a in (2, 3, 4)]


@pytest.mark.parametrize("tokens", [3, 8])
@each_operation
def test_run_computes_what_the_reference_does_in_float64(operation: Operation, tokens: int) -> None:
    inputs = inputs_of(operation, ODD, tokens, torch.float32)
    assert operation.reference is not None
    exact: Any = operation.reference(*widened(inputs))
    y: Any = operation.run(*inputs)
    assert y.shape == (3 * tokens, 40)
    torch.testing.assert_close(y.double(), exact, rtol=1e-4, atol=1e-5)


@each_operation
def test_tokens_are_spread_evenly_over_the_active_experts(operation: Operation) -> None:
    active = operation.sizes(ODD)["active_experts"]
    for tokens in (3, 4, 11):
        counts = inputs_of(operation, ODD, tokens, torch.float32)[1]
        assert (len(counts), int(counts.sum())) == (active, 3 * tokens)
        assert 1 <= counts.min() <= counts.max() <= min(tokens, counts.min() + 1)


@each_operation
def test_the_bytes_are_those_of_all_inputs_and_outputs(operation: Operation) -> None:
    inputs = inputs_of(operation, ODD, 5, torch.float32)
    result: Any = operation.run(*inputs)
    counted = operation.scenario(ODD, 5, "float32", "cold").bytes_moved
    assert counted == sum(operand.nbytes for operand in tensors([*inputs, result]))


def test_the_arithmetic_is_that_worked_out_by_hand() -> None:
    # 3 tokens of 2 experts are 6 rows: 2 * 6 * 16 * 24 in each product, 5 * 6 * 24 for gelu,
    # 2 * 16 * 24 to unpack each of 4 experts' two matrices.
    assert ALL.scenario(TINY, 3, "float32", "cold").flops == 2 * 4608 + 720 + 8 * 768


def test_sizes_too_small_for_all_active_experts_are_left_out() -> None:
    assert FEW.possible(ODD, (1, 2, 3, 4)) == (1, 2, 3, 4)
    assert SOME.possible(ODD, (1, 2, 3, 4)) == (2, 3, 4)
    assert ALL.possible(ODD, (1, 2, 3, 4)) == (3, 4)
    with pytest.raises(BadInput, match="7 active experts"):
        ALL.possible(ODD, (1, 2))


def test_a_plan_has_no_size_too_small_for_its_active_experts() -> None:
    plan = plan_run("experts,relu", (1, 2, 3, 4), ODD)
    assert [(one.op, one.domain[0]) for one in plan.ops] == [
        ("experts_few", 1),
        ("experts_some", 2),
        ("experts_all", 3),
        ("relu", 1),
    ]


def test_where_all_experts_are_one_tokens_there_is_nothing_between() -> None:
    dense = Preset("dense", "made up", 16, 24, 2, 2, "float32", 4, 8)
    with pytest.raises(BadInput, match="dense has 2 experts") as caught:
        SOME.sizes(dense)
    assert "experts_all" in caught.value.hint


def test_its_script_runs_by_hand(tmp_path: Path) -> None:
    (found,) = find_ops("experts_some")
    plan = plan_run([found], (1, 2, 3), TINY)
    path = tmp_path / "experts_some.py"
    path.write_text(render_script(found.operation, TINY, plan, plan.ops[0], 1 << 20))
    done = subprocess.run(
        [sys.executable, "-W", "error", str(path), "--sizes", "3"],
        env=os.environ | {"PYTHONSAFEPATH": "1"},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"experts_some b=3: [\d.]+ us, .*\n", done.stdout)
