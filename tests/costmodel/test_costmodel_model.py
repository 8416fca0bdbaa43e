"""A look-up gives what was measured, an interval around the rest, and refuses to guess."""

import json
from collections.abc import Callable
from dataclasses import replace
from math import nan
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from moeprof.costmodel.model import KernelCostModel
from moeprof.store.cost_model import CostModelFile, Domain
from moeprof.store.document import to_json, write_document
from moeprof.store.errors import BadInput

Build = Callable[..., CostModelFile]
MakePoints = Callable[..., pa.Table]

SIZES = range(1, 513, 21)  # 25 sizes, 1 … 505


def bumpy(size: int) -> float:
    """A slope with repeatable noise of a few percent."""
    return (50 + size) * (1 + 0.03 * ((7919 * size) % 13 - 6) / 6)


@pytest.fixture
def file(make_points: MakePoints, build: Build) -> CostModelFile:
    return build(make_points(bumpy, SIZES))


@pytest.fixture
def model(file: CostModelFile) -> KernelCostModel:
    return KernelCostModel.from_file(file)


def test_a_loaded_model_gives_the_same_costs(tmp_path: Path, model: KernelCostModel) -> None:
    write_document(tmp_path / "model.json", model.file)
    loaded = KernelCostModel.load(tmp_path / "model.json")
    assert loaded.curves == model.curves
    assert loaded.get_costs("fc1", range(1, 506)) == model.get_costs("fc1", range(1, 506))


def test_one_look_up_and_several_agree_and_keep_their_order(model: KernelCostModel) -> None:
    sizes = [300, 1, 300, 505]
    assert model.get_costs("fc1", sizes) == [model.get_cost("fc1", size) for size in sizes]
    assert [cost.tokens for cost in model.get_costs("fc1", sizes)] == sizes
    assert model.get_costs("fc1", []) == []


def test_a_cost_is_made_once(model: KernelCostModel) -> None:
    assert model.get_cost("fc1", 37) is model.get_cost("fc1", 37)
    assert model.get_cost("fc1", 37) is model.get_cost("fc1-8x4-fp32-cold", 37)


def test_numpy_integers_are_integers(model: KernelCostModel) -> None:
    cost = model.get_cost("fc1", np.int64(37))  # type: ignore[arg-type]
    assert cost == model.get_cost("fc1", 37)
    assert type(cost.tokens) is int


@pytest.mark.parametrize("size", [0, -1, 506, 10**30])
@pytest.mark.parametrize("warm", [False, True])
def test_a_size_outside_the_domain_is_named_with_the_domain_and_a_way_out(
    model: KernelCostModel, size: int, warm: bool
) -> None:
    if warm:
        model.get_costs("fc1", range(1, 506))
    with pytest.raises(
        BadInput, match=f"from batch size 1 to 505, and {size} is outside"
    ) as caught:
        model.get_cost("fc1", size)
    assert "profile a range" in caught.value.hint
    with pytest.raises(BadInput):
        model.get_costs("fc1", [1, size])


@pytest.mark.parametrize("size", [1.0, 37.5, nan, True, False, "37", None, np.True_])
@pytest.mark.parametrize("warm", [False, True])
def test_a_size_that_is_no_integer_is_refused(
    model: KernelCostModel, size: Any, warm: bool
) -> None:
    if warm:
        model.get_costs("fc1", range(1, 506))
    with pytest.raises(BadInput, match="must be an integer") as caught:
        model.get_cost("fc1", size)
    assert repr(size) in caught.value.message


def test_an_unknown_operation_is_named_with_the_known_ones(model: KernelCostModel) -> None:
    with pytest.raises(BadInput, match="no operation 'fc9'") as caught:
        model.get_cost("fc9", 1)
    assert caught.value.hint == "it has fc1"


def test_an_operation_that_was_not_measured_says_why(file: CostModelFile) -> None:
    model = KernelCostModel.from_file(replace(file, unmeasured={"fc2": "out of memory"}))
    with pytest.raises(BadInput, match="fc2 was not measured: out of memory"):
        model.get_cost("fc2", 1)


def test_of_several_shapes_one_must_be_named(make_points: MakePoints, build: Build) -> None:
    model = KernelCostModel.from_file(
        build(
            make_points(bumpy, SIZES),
            make_points(lambda b: 2 * bumpy(b), SIZES, curve="fc1-16x4-fp32-cold", shape=[16, 4]),
        )
    )
    with pytest.raises(BadInput, match="fc1 stands for 2 curves") as caught:
        model.get_cost("fc1", 1)
    assert "fc1-16x4-fp32-cold" in caught.value.hint
    small, large = (model.get_cost("fc1", 1, shape=shape) for shape in ((8, 4), (16, 4)))
    assert large.latency_us == pytest.approx(2 * small.latency_us, rel=1e-5)
    assert model.get_cost("fc1-16x4-fp32-cold", 1) == large
    assert model.get_costs("fc1", [1], shape=(16, 4)) == [large]
    with pytest.raises(BadInput, match="was not measured at shape 4x4") as caught:
        model.get_cost("fc1", 1, shape=(4, 4))
    assert caught.value.hint == "it was at 16x4, 8x4"


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
        ({"latency_us": (0.0,) * 25}, "not positive and finite"),
        ({"latency_us": (nan,) * 25}, "not positive and finite"),
        ({"energy_mj": (-1.0,) * 25}, "not positive and finite"),
        ({"temp_rise_c": (nan,) * 25}, "temperature rise that is not finite"),
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
        (lambda b: b["curves"][0].pop("domain"), "curves.0.domain: field required"),
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
