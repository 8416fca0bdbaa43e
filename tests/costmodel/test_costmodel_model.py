"""A look-up gives measured costs at knots, predicted ones elsewhere, and refuses the rest."""

import json
from collections.abc import Callable
from dataclasses import replace
from math import exp, hypot, log, nan
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moeprof.costmodel.build import build_model
from moeprof.costmodel.curve.intervals import MOST_JUMP, PRIOR
from moeprof.costmodel.model import KernelCostModel, OutOfRange
from moeprof.store.cost_model import CostModelFile, Domain
from moeprof.store.document import to_json, write_document
from moeprof.store.errors import BadInput
from moeprof.store.tables.parquet import table_from_columns
from moeprof.tests.builders import make_model_file, make_points, make_provenance
from moeprof.tests.costmodel.models import SIZES, bounded_model, bumpy, bumpy_file

SOME_CPU = make_provenance(device_name="Some CPU")


@pytest.fixture
def file() -> CostModelFile:
    return bumpy_file()


def test_a_loaded_model_gives_the_same_costs(tmp_path: Path, model: KernelCostModel) -> None:
    write_document(tmp_path / "model.json", model.file)
    loaded = KernelCostModel.load(tmp_path / "model.json")
    assert loaded.curves == model.curves == KernelCostModel.load(f"{tmp_path}/model.json").curves
    assert loaded.get_costs("fc1", range(1, 506)) == model.get_costs("fc1", range(1, 506))


def test_one_look_up_and_several_agree_and_keep_their_order(model: KernelCostModel) -> None:
    sizes = [300, 1, 300, 505]
    assert model.get_costs("fc1", sizes) == [model.get_cost("fc1", size) for size in sizes]
    assert [cost.tokens for cost in model.get_costs("fc1", sizes)] == sizes
    assert model.get_costs("fc1", []) == []


def test_a_cost_is_evaluated_once(model: KernelCostModel) -> None:
    assert model.get_cost("fc1", 37) is model.get_cost("fc1", 37)
    assert model.get_cost("fc1", 37) is model.get_cost("fc1-8x4-fp32-cold", 37)


def test_numpy_integers_are_integers(model: KernelCostModel) -> None:
    cost = model.get_cost("fc1", np.int64(37))  # type: ignore[arg-type]
    assert cost == model.get_cost("fc1", 37)
    assert type(cost.tokens) is int


@pytest.mark.parametrize("size", [506, 10**30])
@pytest.mark.parametrize("warm", [False, True])
def test_a_size_outside_the_domain_without_a_roofline_is_out_of_range(
    model: KernelCostModel, size: int, warm: bool
) -> None:
    if warm:
        model.get_costs("fc1", range(1, 506))
    with pytest.raises(OutOfRange, match="1 to 505") as caught:
        model.get_cost("fc1", size)
    assert (caught.value.op, caught.value.tokens) == ("fc1", size)
    assert "profile a range" in caught.value.hint
    with pytest.raises(BadInput):
        model.get_costs("fc1", [1, 506])


@pytest.fixture
def bounded() -> KernelCostModel:
    return bounded_model()


def test_beyond_the_domain_the_cost_is_extrapolated_and_flagged(
    bounded: KernelCostModel,
) -> None:
    inside, at_2x, at_4x = (bounded.get_cost("fc1-8x4-fp32-cold", b) for b in (250, 512, 1024))
    assert (inside.extrapolated, at_2x.extrapolated, at_4x.extrapolated) == (False, True, True)
    assert at_2x.latency_us == pytest.approx(517, rel=0.03)
    assert at_4x.latency_us == pytest.approx(1029, rel=0.04)
    widths = [cost.latency_us_hi / cost.latency_us for cost in (inside, at_2x, at_4x)]
    assert widths == sorted(widths)
    assert not at_2x.measured
    costs = bounded.get_costs("fc1-8x4-fp32-cold", [250, 512])
    assert costs.extrapolated.tolist() == [False, True]
    assert costs.latency_us.tolist() == [inside.latency_us, at_2x.latency_us]
    with pytest.raises(OutOfRange, match="more than 4 doublings"):
        bounded.get_cost("fc1-8x4-fp32-cold", 5000)


def test_arrays_of_costs_are_those_of_one_at_a_time(model: KernelCostModel) -> None:
    sizes = np.array([300, 1, 37])
    costs = model.get_costs("fc1", sizes)
    one = [model.get_cost("fc1", size) for size in sizes.tolist()]
    assert costs.latency_us.tolist() == [cost.latency_us for cost in one]
    assert costs.latency_us_lo == pytest.approx([cost.latency_us_lo for cost in one])
    assert costs.latency_us_hi == pytest.approx([cost.latency_us_hi for cost in one])
    assert np.isnan(costs.energy_mj).all()
    assert np.isnan(costs.temp_rise_c).all()
    assert (len(costs), costs[1], costs[1:]) == (3, one[1], one[1:])


def test_a_file_of_the_first_minor_is_read(tmp_path: Path, model: KernelCostModel) -> None:
    body = json.loads(to_json(model.file))
    body["schema"] = "moeprof.kernel_cost_model/1.0"
    for name in ("source", "origin", "peaks", "thermal", "thermal_reason", "surfaces", "sha256"):
        del body[name]
    for name in ("noise", "jump_share", "left_out", "segments", "work", "energy_tokens"):
        del body["curves"][0][name]
    for name in ("drift_95", "drift_n", "shared"):
        del body["intervals"][name]
    body["intervals"] |= {"floor": 0.01, "quantiles": {"95": 1.5}}
    (tmp_path / "model.json").write_text(json.dumps(body))
    old = KernelCostModel.load(tmp_path / "model.json")
    cost, jump = old.get_cost("fc1", 37), log(bumpy(43) / bumpy(22))
    assert cost.latency_us == model.get_cost("fc1", 37).latency_us
    half = log(cost.latency_us_hi / cost.latency_us)
    assert half == pytest.approx(1.5 * hypot(0.01, min(jump, MOST_JUMP)), rel=1e-4)


def test_heat_of_earlier_minors_without_a_step_counts_as_none(
    tmp_path: Path, model: KernelCostModel
) -> None:
    body = json.loads(to_json(model.file))
    body["schema"] = "moeprof.kernel_cost_model/1.1"
    body["thermal"] = {"r_c_per_w": 0.1, "n": 3, "leakage_w_per_c": None, "step": None}
    knots = len(body["curves"][0]["knots_tokens"])
    body["curves"][0] |= {"temp_rise_c": [5.0] * knots, "temp_rise_reason": None}
    del body["sha256"], body["thermal_reason"]
    (tmp_path / "model.json").write_text(json.dumps(body))
    old = KernelCostModel.load(tmp_path / "model.json")
    cost = old.get_cost("fc1", 37)
    assert (old.file.thermal, cost.temp_rise_c) == (None, None)
    assert cost.latency_us == model.get_cost("fc1", 37).latency_us
    assert "--thermal-step" in old.get_cost_breakdown("fc1", 37).reasons["temp_rise_c"]


@settings(max_examples=25)
@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=3, max_size=12))
def test_the_interval_at_a_knot_holds_its_own_as_far_as_the_others_contradict_it(
    scatter: list[tuple[float, float]],
) -> None:
    sizes = [1 + 20 * place for place in range(len(scatter))]
    columns: dict[str, list[Any]] = {
        "tokens": sizes,
        "latency_us": [bumpy(size) for size in sizes],
        "latency_us_lo": [bumpy(s) / exp(low) for s, (low, _) in zip(sizes, scatter, strict=True)],
        "latency_us_hi": [bumpy(s) * exp(up) for s, (_, up) in zip(sizes, scatter, strict=True)],
    }
    same = {"curve": "fc1-8x4", "op": "fc1", "shape": [8, 4], "dtype": "float32", "l2": "cold"}
    same |= {"regime": "burst", "role": "fit", "latency_source": "wall", "energy_source": "rapl"}
    columns |= {name: [value] * len(sizes) for name, value in same.items()}
    points = table_from_columns("points", columns)
    made = build_model(points, preset="tiny", provenance=SOME_CPU, points_sha256="0" * 64)
    model = KernelCostModel.from_file(made)
    (curve,) = model.curves
    assert curve.left_out is not None
    for place, size in enumerate(sizes):
        cost = model.get_cost("fc1", size)
        own, apart = log(cost.latency_us_hi / cost.latency_us), curve.left_out[place]
        assert own >= min(max(scatter[place]), PRIOR[95] * apart) * (1 - 1e-9)
        bounds = [model.get_interval_us("fc1", size, percent) for percent in (50, 80, 90, 95)]
        widths = [high / low for low, high in bounds]
        assert widths == sorted(widths)


def test_a_truncated_file_is_refused(tmp_path: Path, file: CostModelFile) -> None:
    (tmp_path / "model.json").write_text(to_json(file)[:-200])
    with pytest.raises(BadInput, match="is not JSON"):
        KernelCostModel.load(tmp_path / "model.json")


def test_an_unknown_operation_is_named_with_the_known_ones(model: KernelCostModel) -> None:
    with pytest.raises(BadInput, match="no operation 'fc9'") as caught:
        model.get_cost("fc9", 1)
    assert caught.value.hint == "it has fc1"


def test_an_operation_that_was_not_measured_has_the_reason(file: CostModelFile) -> None:
    model = KernelCostModel.from_file(replace(file, unmeasured={"fc2": "out of memory"}))
    with pytest.raises(BadInput, match="fc2 was not measured: out of memory"):
        model.get_cost("fc2", 1)


def test_of_several_shapes_one_must_be_named() -> None:
    model = KernelCostModel.from_file(
        make_model_file(
            make_points(bumpy, SIZES),
            make_points(lambda b: 2 * bumpy(b), SIZES, curve="fc1-16x4-fp32-cold", shape=[16, 4]),
        )
    )
    with pytest.raises(BadInput, match="fc1 stands for 2 curves") as caught:
        model.get_cost("fc1", 1)
    assert "fc1-16x4-fp32-cold" in caught.value.message
    small, large = (model.get_cost("fc1", 1, shape=shape) for shape in ((8, 4), (16, 4)))
    assert large.latency_us == pytest.approx(2 * small.latency_us, rel=1e-5)
    assert model.get_cost("fc1-16x4-fp32-cold", 1) == large
    assert model.get_costs("fc1", [1], shape=(16, 4)) == [large]
    with pytest.raises(OutOfRange, match="of 4x4") as caught:
        model.get_cost("fc1", 1, shape=(4, 4))
    assert "measured at 16x4, 8x4" in caught.value.hint


def test_two_curves_of_one_name_are_refused(file: CostModelFile) -> None:
    with pytest.raises(BadInput, match="two curves that are called fc1-8x4-fp32-cold"):
        KernelCostModel.from_file(replace(file, curves=file.curves * 2))


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"knots_tokens": (1,), "latency_us": (1.0,)}, "fewer than two knots"),
        ({"knots_tokens": (), "latency_us": ()}, "fewer than two knots"),
        ({"knots_tokens": (1, 1), "latency_us": (1.0, 2.0)}, "do not ascend"),
        ({"knots_tokens": (0, 1), "latency_us": (1.0, 2.0)}, "do not ascend"),
        ({"domain": Domain(1, 9999)}, "not its first to its last knot"),
        ({"latency_us": (1.0, 2.0)}, "more or fewer values than knots"),
        ({"latency_us": (0.0,) * 25}, "a latency or an energy"),
        ({"latency_us": (nan,) * 25}, "a latency or an energy"),
        ({"energy_mj": (-1.0,) * 25}, "a latency or an energy"),
    ],
)
def test_a_curve_that_contradicts_itself_is_refused(
    file: CostModelFile, changes: dict[str, Any], complaint: str
) -> None:
    curve = replace(file.curves[0], **changes)
    with pytest.raises(BadInput, match=complaint) as caught:
        KernelCostModel.from_file(replace(file, curves=(curve,)))
    assert curve.curve in caught.value.message


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda b: b.update(schema="moeprof.kernel_cost_model/2.0"), "kernel_cost_model/2.0, and"),
        (lambda b: b["curves"][0].update(fit="cubic"), "curves.0.fit"),
        (lambda b: b["curves"][0].pop("domain"), "curves.0: .*missing required field `domain`"),
        (lambda b: b["curves"][0].update(idle_power_w="inf"), "idle_power_w: .*got `str`"),
        (
            lambda b: b["curves"][0].update(latency_half_95=[1e16] * 25),
            "latency_half_95.0: .*<= 100",
        ),
    ],
)
def test_a_file_that_breaks_the_schema_is_refused(
    tmp_path: Path, file: CostModelFile, change: Callable[[Any], object], complaint: str
) -> None:
    body = json.loads(to_json(file))
    change(body)
    (tmp_path / "model.json").write_text(json.dumps(body))
    with pytest.raises(BadInput, match=complaint):
        KernelCostModel.load(tmp_path / "model.json")


@pytest.mark.parametrize("sizes", [[1, 10**30], [10**30], np.array([1, 10**6])])
def test_several_sizes_are_refused_where_one_is_out_of_range(
    model: KernelCostModel, sizes: Any
) -> None:
    with pytest.raises(OutOfRange, match="1 to 505"):
        model.get_costs("fc1", sizes)


@pytest.mark.parametrize(
    ("method", "arguments", "named"),
    [
        ("load", [None], "path"),
        ("from_file", [None], "file"),
        ("get_costs", ["fc1", 5], "sizes"),
    ],
)
def test_an_argument_of_another_type_is_refused(
    model: KernelCostModel, method: str, arguments: list[object], named: str
) -> None:
    with pytest.raises(BadInput, match=f"{named} is "):
        getattr(model, method)(*arguments)


@pytest.mark.parametrize("counts", [{"top_k": "2"}, {"active_experts": 2.5}, {"top_k": True}])
def test_a_layer_counts_in_integers(model: KernelCostModel, counts: dict[str, Any]) -> None:
    (name,) = counts
    with pytest.raises(BadInput, match=f"{name} is "):
        model.get_layer_cost(64, **{"top_k": 2, "active_experts": 8} | counts)


def test_a_temperature_is_a_number(model: KernelCostModel) -> None:
    limit: Any = "80"
    with pytest.raises(BadInput, match="max_temp_c is '80'"):
        model.get_thermal_safe_batch_size("fc1", max_temp_c=limit, current_temp_c=30.0)
