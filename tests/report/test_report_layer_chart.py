"""The chart of a layer: its parts add up to its sum, beside the layer as it was measured."""

from typing import Any

import pytest

from moeprof.costmodel.layer.over_sizes import over_sizes
from moeprof.report.layer_chart import layer_chart_spec
from moeprof.tests.costmodel.layer.gated_models import PARTS, gated_file


@pytest.fixture(scope="module")
def spec() -> dict[str, Any]:
    ((_, costs),) = over_sizes(gated_file("uniform"), most=4)
    return layer_chart_spec(costs)


def test_parts_add_up_to_the_sum_in_percent_of_the_layer(spec: dict[str, Any]) -> None:
    parts, layers = spec["datasets"]["parts"], spec["datasets"]["layers"]
    assert [row["part"] for row in parts[: len(PARTS)]] == list(PARTS)
    for layer in layers:
        own = [row for row in parts if row["tokens"] == layer["tokens"]]
        assert len(own) == len(PARTS)
        latency_us = own[0]["us"] / own[0]["share"] * 100
        assert sum(row["us"] for row in own) == pytest.approx(
            sum(row["share"] for row in own) * latency_us / 100
        )
        assert layer["lo"] < 100 < layer["hi"]
        assert layer["lo"] < layer["measured"] < layer["hi"]
        assert layer["measured_us"] == pytest.approx(layer["measured"] * latency_us / 100)


def test_a_chart_loads_nothing_and_names_its_axis(spec: dict[str, Any]) -> None:
    assert "$schema" not in spec
    titles = [layer["encoding"]["y"]["title"] for layer in spec["layer"]]
    assert set(titles) == {"% of the layer's predicted latency"}


def test_a_layer_that_was_not_measured_as_one_has_no_such_mark() -> None:
    ((_, costs),) = over_sizes(gated_file("uniform", without=["moe_layer"]), most=2)
    assert not any("measured" in row for row in layer_chart_spec(costs)["datasets"]["layers"])
