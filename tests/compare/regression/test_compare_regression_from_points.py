"""Points of a run as one side: values, how sure they are, sources, clocks."""

from typing import Any

import pyarrow as pa
import pytest

from moeprof.compare.regression.from_points import side_of_points
from moeprof.compare.regression.side import Side
from moeprof.store.tables.parquet import table_from_columns
from moeprof.tests.builders import make_points

CURVE = "fc1-8x4-fp32-cold"


def side(points: pa.Table, launches: pa.Table | None = None) -> Side:
    return side_of_points("a run", "digest", points, {}, launches)


def test_each_point_brings_its_interval_and_its_repeats() -> None:
    points = make_points(
        lambda size: 10.0 * size, [1, 2],
        latency_us_lo=9.0, latency_us_hi=11.0, repeat_difference=0.02, agreeing=2,
    )  # fmt: skip
    reading = side(points).values["latency"][(CURVE, 1)]
    assert reading.value == 10.0
    assert reading.half_95 == pytest.approx(0.1, abs=0.01)
    assert (reading.repeat, reading.repeats) == (0.02, 2)


@pytest.mark.parametrize(
    ("columns", "doubt"),
    [
        ({"agreeing": 2}, None),
        ({"agreeing": 1}, "unconfirmed"),
        ({"agreeing": 2, "marks": ["spread 593 % > 20 %"]}, "spread 593 % > 20 %"),
    ],
)
def test_a_point_that_was_disturbed_decides_nothing_alone(
    columns: dict[str, Any], doubt: str | None
) -> None:
    points = make_points(lambda size: 10.0, [1], **columns)
    assert side(points).values["latency"][(CURVE, 1)].doubt == doubt


def test_energy_and_power_come_with_their_source_or_a_reason() -> None:
    metered = make_points(
        lambda size: 10.0, [1], energy_mj=2.0, energy_mj_ci95=0.02, power_w=200.0, energy_n=3,
        energy_source="nvml_counter", energy_reason=None,
    )  # fmt: skip
    found = side(metered)
    assert found.values["energy"][(CURVE, 1)].half_95 == 0.01
    assert found.sources[("power", CURVE)] == "nvml_counter"
    without = side(make_points(lambda size: 10.0, [1]))
    assert without.reasons["energy"] == "this machine has no energy counter"


def test_clocks_are_the_mean_under_the_kernels_of_a_point() -> None:
    points = make_points(lambda size: 10.0, [1, 2], scenario_key="a key")
    launches = table_from_columns(
        "launches", {"scenario_key": ["a key", "a key", None], "gpc_clock_mhz": [1900.0, 1910.0, 5]}
    )
    assert side(points, launches).clocks_mhz == {(CURVE, 2): 1905.0}
