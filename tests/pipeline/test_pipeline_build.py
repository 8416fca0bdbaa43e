"""Tables to a model: parsed where needed, merged with other runs, refused without a curve."""

from dataclasses import replace
from pathlib import Path

import pytest

from moeprof.costmodel.model import KernelCostModel
from moeprof.pipeline.build import build_model
from moeprof.pipeline.parse import tables_are_current
from moeprof.scenarios.preset import load_preset
from moeprof.scenarios.shapes.layer_parts import layer_sizes, parts_of
from moeprof.store.cost_model import CostModelFile
from moeprof.store.document import read_document, write_document
from moeprof.store.errors import BadInput
from moeprof.store.plan import OpPlan
from moeprof.store.run import Run
from moeprof.tests.pipeline.conftest import HELD_OUT, SIZES, Listener, write_linear_run


def test_a_recorded_run_is_parsed_and_gets_its_model(recorded: Run) -> None:
    built = build_model(recorded.folder)
    assert tables_are_current(recorded)
    assert built.path == recorded.model_path
    assert read_document(built.path, CostModelFile) == built.model
    (curve,) = built.model.curves
    assert (curve.op, curve.domain.first_tokens, curve.domain.last_tokens) == ("gelu", 1, 32)
    assert built.warnings == ()
    assert built.model.layers == (layer_sizes(load_preset("small")),)


def test_a_layer_whose_gated_experts_were_measured_has_the_curves_of_its_parts(
    tmp_path: Path,
) -> None:
    run = write_linear_run(tmp_path / "grouped", "w13_grouped", slower=100)
    built = build_model(run.folder)
    (layer,) = built.model.layers
    assert layer.parts == parts_of(load_preset("small"), "cold")
    assert layer.unit is not None
    assert layer.difference is None
    assert "measured at 0 sizes" in (layer.difference_reason or "")
    (curve,) = built.model.curves
    assert curve.work is None
    assert curve.expert_work is not None
    assert (curve.expert_work.routing, curve.expert_work.ranks) == ("uniform", 1)
    far = KernelCostModel.load(built.path).get_cost("w13_grouped", 4 * curve.domain.last_tokens)
    assert far.extrapolated


def test_an_operation_of_the_plan_that_no_size_was_measured_of_is_named(recorded: Run) -> None:
    (op,) = recorded.plan().ops
    never = replace(op, op="relu_4", curve="relu-4-fp32-cold", operation="relu")
    write_document(recorded.plan_path, replace(recorded.plan(), ops=(op, never)))
    unmeasured = build_model(recorded.folder).model.unmeasured
    assert unmeasured == {"relu": "no size for its fit was measured, and a curve needs two"}


def test_a_dense_layer_is_added_up_from_its_products(tmp_path: Path) -> None:
    dense = replace(
        load_preset("small"), experts=1, top_k=1, groups=1, kept_groups=1, shared_ffn=None
    )
    run = write_linear_run(tmp_path / "dense", "w13", slower=100, preset=dense)
    built = build_model(run.folder)
    (layer,) = built.model.layers
    assert [one.op for one in layer.own_parts] == ["w13", "act_mul", "w2"]
    found = KernelCostModel.load(built.path).get_layer_cost(8)
    assert [part.cost.op for part in found.parts] == ["w13"]
    assert [one.partition(":")[0] for one in found.missing] == ["act_mul", "w2"]


def test_each_warning_is_reported_at_once_and_returned(recorded: Run, listener: Listener) -> None:
    (op,) = recorded.plan().ops
    more = replace(op, domain=(*SIZES, 64), holdout=(*HELD_OUT, 64))
    write_document(recorded.plan_path, replace(recorded.plan(), ops=(more,)))
    built = build_model(str(recorded.folder), progress=listener)
    assert len(built.warnings) == 1
    assert list(built.warnings) == listener.warnings


def test_one_text_in_place_of_a_list_of_runs_is_refused(recorded: Run) -> None:
    with pytest.raises(BadInput) as caught:
        build_model(recorded.folder, also="other")
    assert "'other'" in caught.value.message
    assert caught.value.hint == "also=['other']"


def test_runs_of_two_machines_give_no_model(recorded: Run, tmp_path: Path) -> None:
    other = write_linear_run(tmp_path / "other")
    provenance = other.provenance_path.read_text()
    other.provenance_path.write_text(provenance.replace("a device", "another device"))
    with pytest.raises(BadInput, match="a device and another device"):
        build_model(recorded.folder, also=[other.folder])
    assert not recorded.model_path.exists()


def test_one_run_by_two_paths_gives_no_model(recorded: Run, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(recorded.folder)
    with pytest.raises(BadInput, match="holds the same points as"):
        build_model(recorded.folder, also=[tmp_path / "link"])
    assert not recorded.model_path.exists()


def test_points_without_a_curve_give_no_model(recorded: Run) -> None:
    (op,) = recorded.plan().ops
    few = OpPlan(op.op, op.curve, op.domain, (1,), tuple(size for size in SIZES if size != 1))
    write_document(recorded.plan_path, replace(recorded.plan(), ops=(few,)))
    with pytest.raises(BadInput, match="holds no curve") as caught:
        build_model(recorded.folder)
    assert caught.value.hint
    assert not recorded.model_path.exists()
