"""A query is answered by a surface, a curve, or the curves of other shapes; sizes are checked."""

from math import nan
from typing import Any

import numpy as np
import pytest

from moeprof.costmodel.model import KernelCostModel, OutOfRange
from moeprof.store.cost_model import CostModelFile
from moeprof.store.errors import BadInput
from moeprof.tests.costmodel.models import bounded_model, bumpy_file


@pytest.fixture
def file() -> CostModelFile:
    return bumpy_file()


@pytest.mark.parametrize("size", [0, -1])
def test_a_size_below_1_is_refused(model: KernelCostModel, size: int) -> None:
    with pytest.raises(BadInput, match=f"the batch size is {size}, and the smallest is 1"):
        model.get_cost("fc1", size)
    with pytest.raises(BadInput, match="the smallest is 1"):
        model.get_costs("fc1", np.array([4, size]))


@pytest.fixture
def bounded() -> KernelCostModel:
    return bounded_model()


def test_an_unmeasured_shape_is_transferred_within_two_octaves_only(
    bounded: KernelCostModel,
) -> None:
    cost = bounded.get_cost("fc1", 100, shape=(12, 4))
    assert (cost.transferred, cost.measured, cost.energy_mj) == (True, False, None)
    assert 105 < cost.latency_us < 210
    assert cost.latency_us_lo < cost.latency_us < cost.latency_us_hi
    for shape in ((128, 4), (12,), (12, 4, 1)):
        with pytest.raises(OutOfRange, match="no shape within 2 octaves"):
            bounded.get_cost("fc1", 100, shape=shape)


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


def test_a_condition_that_cannot_be_applied_is_refused(bounded: KernelCostModel) -> None:
    with pytest.raises(BadInput, match="not known under memory pressure"):
        bounded.get_cost("fc1", 100, shape=(12, 4), memory_pressure=0.5)
    with pytest.raises(TypeError, match="pressure"):
        bounded.get_cost("fc1", 100, pressure=0.5)  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("condition", "named"),
    [
        ({"memory_pressure": "a"}, "memory_pressure is 'a'"),
        ({"current_temp_c": [30]}, r"current_temp_c is \[30\]"),
        ({"allow_estimates": None}, "allow_estimates is None"),
        ({"shape": 5}, "shape is 5"),
        ({"shape": ("8", 4)}, "a size of the shape is '8'"),
        *(({"shape": shape}, "a size of the shape is 0") for shape in ((0, 4), (8, 0), (0, 0))),
        ({"shape": (2**31, 4)}, "a size of the shape is 2147483648"),
        ({"shape": (10**5000, 4)}, "a size of the shape is longer"),
    ],
    ids=lambda value: f"{value:.20}" if isinstance(value, str) else "",
)
def test_a_condition_of_another_type_or_size_is_refused(
    model: KernelCostModel, condition: Any, named: str
) -> None:
    with pytest.raises(BadInput, match=named):
        model.get_cost("fc1", 37, **condition)


@pytest.mark.parametrize("op", [None, 5, ["fc1"], b"fc1"])
def test_an_operation_that_is_no_text_is_refused(model: KernelCostModel, op: Any) -> None:
    for look_up in (model.get_cost, model.get_cost_breakdown):
        with pytest.raises(BadInput, match=r"^op is "):
            look_up(op, 37)


def test_a_size_of_thousands_of_digits_is_refused(model: KernelCostModel) -> None:
    with pytest.raises(BadInput, match="100 digits"):
        model.get_cost("fc1", 10**5000)


def test_a_condition_of_none_has_no_effect(model: KernelCostModel) -> None:
    plain = model.get_cost("fc1", 37)
    assert model.get_cost("fc1", 37, shape=None, memory_pressure=None) == plain
