import json
from dataclasses import replace
from typing import Any

import altair as alt
import pytest

from moeprof.report.charts import ENERGY, LATENCY, Quantity, chart_spec
from moeprof.report.contents import Curve, read_contents
from moeprof.store.run import Run


@pytest.fixture
def fc1(full_run: Run) -> Curve:
    """A curve with a failed point, held-out points and flags."""
    return read_contents(full_run).curves[0]


def with_energy(curve: Curve, **energy: float | None) -> Curve:
    """The curve with an energy of its first measured point alone."""
    first, *others = curve.measured
    return replace(curve, points=(first | energy, *others))


def spec_of(curve: Curve, quantity: Quantity = LATENCY) -> dict[str, Any]:
    spec = chart_spec(curve, quantity)
    assert spec is not None
    return spec


def scales(spec: dict[str, Any], channel: str) -> list[dict[str, Any]]:
    encodings = [layer["encoding"] for layer in spec["layer"]]
    found = [encoding[channel].get("scale") for encoding in encodings if channel in encoding]
    return [scale for scale in found if scale is not None]


def test_the_chart_is_valid_vega_lite(full_run: Run) -> None:
    for curve in read_contents(full_run).curves:
        alt.LayerChart.from_dict(spec_of(curve))


def test_the_chart_has_every_point_and_every_predicted_size(fc1: Curve) -> None:
    datasets = spec_of(fc1)["datasets"]
    assert [row["tokens"] for row in datasets["model"]] == list(range(1, 513))
    assert len(datasets["measured"]) == 31
    assert {row["role"] for row in datasets["measured"]} == {"fit", "holdout"}
    assert [row["failure"] for row in datasets["failed"]] == ["the point took longer than 60 s"]
    flagged = [row for row in datasets["measured"] if "flags" in row]
    assert flagged
    assert all("spread" in row["flags"] for row in flagged)


def test_both_axes_are_logarithmic_and_hold_everything(fc1: Curve) -> None:
    spec = spec_of(fc1)
    values = [row["value"] for row in spec["datasets"]["measured"]]
    for scale in scales(spec, "x"):
        assert scale["type"] == "log"
        assert scale["domain"][0] < 1 < 512 < scale["domain"][1]
    for scale in scales(spec, "y"):
        assert scale["type"] == "log"
        assert scale["domain"][0] < min(values) < max(values) < scale["domain"][1]


def test_a_flat_curve_looks_flat(full_run: Run) -> None:
    flat = next(c for c in read_contents(full_run).curves if c.op == "dequant_unpack")
    low, high = scales(spec_of(flat), "y")[0]["domain"]
    assert high / low >= 3.99


def test_without_a_model_the_points_stand_alone(fc1: Curve) -> None:
    spec = spec_of(replace(fc1, model=None, costs={}))
    assert spec["datasets"]["model"] == []
    assert {layer["data"]["name"] for layer in spec["layer"]} == {"measured", "failed"}


def test_a_curve_with_failures_alone_has_no_chart(fc1: Curve) -> None:
    assert chart_spec(replace(fc1, points=tuple(fc1.failed), model=None, costs={}), LATENCY) is None


def test_energy_has_a_chart_where_it_is_known(fc1: Curve) -> None:
    assert chart_spec(fc1, ENERGY) is None
    spec = spec_of(with_energy(fc1, energy_mj=2.5, energy_mj_ci95=0.1), ENERGY)
    alt.LayerChart.from_dict(spec)
    (row,) = spec["datasets"]["measured"]
    assert (row["value"], row["lo"], row["hi"]) == (2.5, 2.4, 2.6)
    assert spec["datasets"]["failed"] == []
    assert "energy (mJ)" in json.dumps(spec["layer"])


@pytest.mark.parametrize("half_mj", [None, 2.5, 9.0])
def test_an_interval_that_reaches_zero_is_not_drawn(fc1: Curve, half_mj: float | None) -> None:
    spec = spec_of(with_energy(fc1, energy_mj=2.5, energy_mj_ci95=half_mj), ENERGY)
    (row,) = spec["datasets"]["measured"]
    assert "lo" not in row


def test_predicted_energy_is_drawn_with_its_band(fc1: Curve) -> None:
    costs = {
        tokens: replace(cost, energy_mj=0.1 * tokens, energy_mj_lo=0.09 * tokens,
                        energy_mj_hi=0.11 * tokens)
        for tokens, cost in fc1.costs.items()
    }  # fmt: skip
    model = spec_of(replace(fc1, costs=costs), ENERGY)["datasets"]["model"]
    assert len(model) == len(costs)
    assert model[9] == {"tokens": 10, "value": 1.0, "lo": 0.9, "hi": 1.1}


def test_the_chart_has_texts_of_the_run_in_its_data_only_and_no_url(fc1: Curve) -> None:
    spec = spec_of(replace(fc1, op="<script>", slug="<script>"))
    del spec["datasets"]
    text = json.dumps(spec)
    assert "<script>" not in text
    assert "http" not in text


def test_paths_in_reasons_lose_their_folders(fc1: Curve) -> None:
    row = fc1.failed[0] | {"failure": "/home/someone/x.py fell over"}
    spec = spec_of(replace(fc1, points=(*fc1.measured, row)))
    assert spec["datasets"]["failed"][0]["failure"] == "x.py fell over"
