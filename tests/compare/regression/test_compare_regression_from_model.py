"""The knots of a model as one side, of a surface too."""

from functools import partial

import pyarrow as pa
import pytest

from moeprof.compare.regression.from_model import side_of_model
from moeprof.tests.builders import make_model, make_points

SIZES = [1, 2, 4, 8, 16, 32]


def time_us(size: int) -> float:
    return 20.0 + size


def surface_us(experts: int, size: int) -> float:
    return 10.0 + 5 * experts + size


def test_each_knot_is_a_place_with_its_interval() -> None:
    model = make_model(make_points(time_us, SIZES, latency_us_lo=20.0, latency_us_hi=60.0, calls=9))
    side = side_of_model("a model", model, {"device": "x"})
    (curve,) = side.ops
    assert [size for _, size in side.values["latency"]] == SIZES
    assert side.values["latency"][(curve, 8)].value == pytest.approx(28.0)
    assert side.values["latency"][(curve, 8)].half_95 is not None
    assert side.reasons["energy"] == "this machine has no energy counter"
    assert (side.digest, side.conditions) == (model.file.points_sha256, {"device": "x"})


def test_a_surface_is_a_curve_for_each_number_of_experts() -> None:
    tables = [
        make_points(
            partial(surface_us, n), SIZES[2:],
            op="experts", curve=f"experts-8x4-fp32-e8-a{n}-k2-cold", experts=8, top_k=2,
            active_experts=n,
        )
        for n in (2, 4, 8)
    ]  # fmt: skip
    side = side_of_model("a model", make_model(pa.concat_tables(tables)), {})
    assert set(side.ops) == {f"experts-8x4-fp32-e8-a{n}-k2-cold" for n in (2, 4, 8)}
    assert set(side.ops.values()) == {"experts"}
