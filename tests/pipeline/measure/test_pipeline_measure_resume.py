"""Options against the plan of a run: each field is compared by what it stands for."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from moeprof.pipeline.measure.resume import (
    changed_options,
    check_same_plan,
    layers_of,
    ops_of,
    resumed_plan,
)
from moeprof.scenarios.catalogue import find_ops
from moeprof.scenarios.preset import load_preset, to_toml
from moeprof.scenarios.run_files import rendered_files, write_run
from moeprof.scenarios.run_options import RunOptions
from moeprof.scenarios.shapes.operations import operations_at
from moeprof.store.document import write_document
from moeprof.store.errors import BadInput
from moeprof.store.plan import Plan
from moeprof.store.run import Run
from moeprof.tests.builders import plan_run

PLAN = plan_run("relu,topk", (1, 2, 4), load_preset("small"), seed=5)
LAYERS = [load_preset("small")]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    write_document(Run(tmp_path).plan_path, PLAN)
    return Run(tmp_path)


@pytest.mark.parametrize(
    "same",
    [
        {"ops": "relu, topk"},
        {"batch_sizes": "pow2:1..4"},
        {"preset": "small"},
        {"routing": "uniform"},
        {"preset": "small", "hidden": "512", "weight_bits": "4", "tensor_parallel": 1},
        {"device": "cpu"},
        {"collectors": "cpu"},
        {"collectors": "auto"},
        {"seed": 5},
        {"power": False},
        {"budget_s": 3.0, "thermal_step": False, "wait_s": 60.0, "force": True},
    ],
    ids=str,
)
def test_what_says_the_same_in_other_words_is_accepted(same: dict[str, Any]) -> None:
    options = RunOptions(**same)
    given = {field: str(value) for field, value in same.items()}
    check_same_plan(options, given, PLAN, LAYERS)


@pytest.mark.parametrize(
    ("other", "option"),
    [
        ({"ops": "relu"}, "--ops"),
        ({"batch_sizes": "1..4"}, "--batch-sizes"),
        ({"preset": "mixtral-8x7b"}, "--preset"),
        ({"hidden": "1024"}, "--hidden"),
        ({"tensor_parallel": 2}, "--tensor-parallel"),
        ({"collectors": "nsys"}, "--collector"),
        ({"routing": "zipf:1.2"}, "--routing"),
        ({"seed": 6}, "--seed"),
        ({"points_per_op": 8}, "--points"),
        ({"point_timeout_s": 5.0}, "--point-timeout"),
        ({"sm_clock_mhz": 1500}, "--lock-clocks"),
        ({"sampling": "all"}, "--sampling"),
    ],
    ids=str,
)
def test_what_says_otherwise_is_refused_by_the_name_of_its_option(
    other: dict[str, Any], option: str
) -> None:
    options = RunOptions(**other)
    with pytest.raises(BadInput, match=option) as caught:
        check_same_plan(options, changed_options(options), PLAN, LAYERS)
    assert option in caught.value.hint


def test_power_of_a_plan_with_power_is_not_switched_off() -> None:
    powered: Plan = plan_run("relu", (1, 2), load_preset("small"), power_reason=None)
    with pytest.raises(BadInput, match="--no-power"):
        check_same_plan(RunOptions(power=False), {"power": "True"}, powered, LAYERS)


def test_layers_are_the_same_by_their_sizes_whatever_their_names(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    given = {"preset_file": str(path)}
    path.write_text(to_toml(replace(load_preset("small"), name="mine", source="my own")))
    check_same_plan(RunOptions(preset_file=path), given, PLAN, LAYERS)
    path.write_text(to_toml(replace(load_preset("small"), ffn=2048)))
    with pytest.raises(BadInput, match="--scenario"):
        check_same_plan(RunOptions(preset_file=path), given, PLAN, LAYERS)


def test_a_run_of_several_layers_is_gone_on_with_by_all_of_them() -> None:
    layers = [replace(load_preset("small"), hidden=256), load_preset("small")]
    check_same_plan(RunOptions(hidden="256,512"), {"hidden": "256,512"}, PLAN, layers)
    with pytest.raises(BadInput, match="--hidden"):
        check_same_plan(RunOptions(hidden="256"), {"hidden": "256"}, PLAN, layers)


def test_an_operation_at_several_sizes_is_loaded_by_its_own_name(tmp_path: Path) -> None:
    small = load_preset("small")
    layers = (replace(small, hidden=256), small)
    ops = operations_at(layers, lambda _: find_ops("relu,fc1"), "cold")
    plan = plan_run(ops, (1, 2, 4), layers[0])
    run = Run(tmp_path)
    write_run(run, plan, rendered_files(plan, layers[0], ops, None))
    assert [one.name for one in ops_of(run, run.plan())] == [one.name for one in ops]
    assert [one.preset for one in ops_of(run, run.plan())] == [None, None, small]
    assert layers_of(run, run.plan()) == list(layers)


def test_only_options_away_from_their_default_have_changed() -> None:
    assert changed_options(RunOptions()) == {}
    assert changed_options(RunOptions(seed=3, ops="relu")) == {"seed": "3", "ops": "relu"}


def test_a_thermal_step_is_added_to_the_plan_and_the_budget_is_this_sweeps_alone(run: Run) -> None:
    plan = resumed_plan(run, RunOptions(thermal_step=True, budget_s=400.0))
    assert (plan.thermal_step, plan.budget_s) == (True, 400.0)
    written = run.plan()
    assert (written.thermal_step, written.budget_s) == (True, None)


def test_a_budget_without_room_for_the_step_changes_no_plan(run: Run) -> None:
    with pytest.raises(BadInput, match="300 s"):
        resumed_plan(run, RunOptions(thermal_step=True, budget_s=120.0))
    assert run.plan() == PLAN


def test_the_operations_of_a_plan_are_loaded_in_its_order(run: Run) -> None:
    assert [loaded.operation.name for loaded in ops_of(run, PLAN)] == ["relu", "topk"]
