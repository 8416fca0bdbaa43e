"""A name means one curve or one surface; otherwise the refusal lists the names to choose from."""

from dataclasses import replace
from typing import Any

import pytest

from moeprof.costmodel.lookup import Lookup
from moeprof.costmodel.model import KernelCostModel
from moeprof.costmodel.weights import WeightChoice
from moeprof.store.cost_model import CostModelFile
from moeprof.store.errors import BadInput
from moeprof.tests.builders import make_model_file, make_points

SIZES = (1, 8, 64)


@pytest.fixture
def file() -> CostModelFile:
    """fc1 at two shapes, act at one, and moe over tokens and active experts."""
    tables = [
        make_points(lambda size: 10.0 + size, SIZES),
        make_points(lambda size: 20.0 + size, SIZES, curve="fc1-16x4-fp32-cold", shape=[16, 4]),
        make_points(lambda size: 5.0 + size, SIZES, curve="act-8-fp32-cold", op="act", shape=[8]),
    ]
    routed = {"op": "moe", "top_k": 2, "experts": 16}
    for experts in (2, 4):
        name = f"moe-8x4-e16-a{experts}-k2"
        columns = routed | {"curve": name, "active_experts": experts}
        tables.append(make_points(lambda size: 3.0 + 0.1 * size, (4, 8, 64), **columns))
    return make_model_file(*tables)


def test_an_operation_of_one_curve_and_each_curve_s_own_name_are_known(file: CostModelFile) -> None:
    directory = Lookup(file)
    assert set(directory.known) == {
        *("act", "act-8-fp32-cold", "fc1-8x4-fp32-cold", "fc1-16x4-fp32-cold"),
    }
    act = directory.measured("act", None)
    assert directory.known["act"] is act.known is directory.known["act-8-fp32-cold"]


def test_a_shape_selects_one_of_several_curves(file: CostModelFile) -> None:
    directory = Lookup(file)
    found = directory.curve("fc1", (16, 4))
    assert found is not None
    assert found.curve.curve == "fc1-16x4-fp32-cold"
    assert directory.curve("fc1", (32, 4)) is None
    with pytest.raises(BadInput, match="2 curves: fc1-16x4-fp32-cold, fc1-8x4-fp32-cold"):
        directory.curve("fc1", None)
    with pytest.raises(BadInput, match="shape 32x4"):
        directory.measured("fc1", (32, 4))
    with pytest.raises(BadInput, match="not measured with 3 active experts"):
        directory.curve("act", None, active_experts=3)


def test_weights_that_no_surface_was_measured_with_are_refused(file: CostModelFile) -> None:
    with pytest.raises(BadInput, match="moe was measured with none"):
        Lookup(file).surface("moe", None, 2, WeightChoice(format="mxfp4"))


def test_a_surface_is_found_by_its_operation_and_by_its_name(file: CostModelFile) -> None:
    directory = Lookup(file)
    (surface,) = file.surfaces
    for name in ("moe", surface.surface):
        found = directory.surface(name, None, 2)
        assert found is not None
        assert (found[0].surface, found[1]) == (surface, 2)
    assert directory.surface("moe", (9, 9), 2) is None
    assert directory.surface("act", None, None) is None
    twice = replace(file, surfaces=(surface, replace(surface, surface="moe-other", shape=(9, 9))))
    with pytest.raises(BadInput, match="moe stands for 2 surfaces"):
        Lookup(twice).surface("moe", None, 2)


def test_an_unknown_name_is_refused_with_the_known_ones(file: CostModelFile) -> None:
    directory = Lookup(replace(file, unmeasured={"fc2": "out of memory"}))
    with pytest.raises(BadInput, match="fc2 was not measured: out of memory"):
        directory.curves("fc2")
    with pytest.raises(BadInput, match="no operation 'fc9'") as caught:
        directory.curves("fc9")
    assert caught.value.hint == "it has act, fc1, moe"


def test_two_curves_of_one_name_are_refused(file: CostModelFile) -> None:
    with pytest.raises(BadInput, match="two curves that are called"):
        Lookup(replace(file, curves=file.curves * 2))


def test_the_bits_of_weights_select_one_of_several_curves() -> None:
    times = {"fc1-8x4-w4": 4, "fc1-8x4-w8": 8, "fc1-8x4": None}
    tables = [
        make_points(lambda size: 10.0 + size, SIZES, curve=curve, weight_bits=bits)
        for curve, bits in times.items()
    ]
    model = KernelCostModel.from_file(make_model_file(*tables))
    with pytest.raises(BadInput, match="fc1 stands for 3 curves"):
        model.get_cost("fc1", 1)
    for curve, bits in times.items():
        asked: Any = {"weight_bits": bits or 32}
        assert model.get_cost("fc1", 1, **asked) == model.get_cost(curve, 1)
        assert model.get_costs("fc1", [1, 3], **asked) == model.get_costs(curve, [1, 3])
        in_80 = model.get_interval_us(curve, 1, 80)
        assert model.get_interval_us("fc1", 1, 80, **asked) == in_80
        parts = model.get_cost_breakdown(curve, 1)
        assert model.get_cost_breakdown("fc1", 1, **asked) == parts
    with pytest.raises(BadInput, match="measured with weights of 4, 8, 32 bits, not 16"):
        model.get_cost("fc1", 1, shape=(8, 4), weight_bits=16)
    with pytest.raises(BadInput, match="weight_bits is '4'"):
        model.get_cost("fc1", 1, weight_bits="4")  # type: ignore[arg-type]
