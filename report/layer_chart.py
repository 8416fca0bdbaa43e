"""A chart of a layer over batch size: its parts, stacked, beside the layer as it was measured."""

from collections.abc import Sequence
from typing import Any, Final

import altair as alt

from ..costmodel.layer.cost import LayerCost
from .charts import look
from .markup import shown

_HEIGHT_PX: Final = 280
_PERCENT: Final = ".4~r"


def layer_chart_spec(costs: Sequence[LayerCost]) -> dict[str, Any]:
    """Vega-Lite specification of a layer's chart, at batch sizes side by side.

    In percent of the latency that the model predicts for the layer, because a layer of 512 tokens
    takes many times as long as one of 1: the parts stacked, the 95 % interval of the prediction,
    and the layer as it was measured. Texts are values only.
    """
    parts = [_part_row(cost, at) for cost in costs for at in range(len(cost.parts))]
    layers = [_layer_row(cost) for cost in costs]
    x = alt.X("tokens:O", title="batch size (tokens)", axis=alt.Axis(labelAngle=0))
    y = "% of the layer's predicted latency"
    order = [part.cost.op for part in costs[0].parts]
    stacked: Any = alt.Chart(alt.NamedData(name="parts")).mark_bar(opacity=0.75)
    of_layer: Any = alt.Chart(alt.NamedData(name="layers")).encode(x=x)
    predicted = of_layer.mark_rule(color="var(--ink)").encode(y=alt.Y("lo:Q", title=y), y2="hi:Q")
    measured = of_layer.mark_point(shape="diamond", filled=True, size=70, color="var(--ink)")
    chart: Any = alt.layer(
        stacked.encode(
            x=x,
            y=alt.Y("share:Q", stack="zero", title=y),
            color=alt.Color(
                "part:N",
                sort=order,
                scale=alt.Scale(scheme="tableau10"),
                legend=alt.Legend(title=None, orient="bottom", columns=4),
            ),
            order="at:Q",
            tooltip=[
                alt.Tooltip("part:N"),
                alt.Tooltip("tokens:O", title="batch size"),
                alt.Tooltip("us:Q", title="latency (µs)", format=_PERCENT),
                alt.Tooltip("share:Q", title="%", format=_PERCENT),
            ],
        ),
        predicted,
        measured.encode(
            y=alt.Y("measured:Q", title=y),
            tooltip=[
                alt.Tooltip("tokens:O", title="batch size"),
                alt.Tooltip("measured:Q", title="measured as one (%)", format=_PERCENT),
                alt.Tooltip("measured_us:Q", title="measured as one (µs)", format=_PERCENT),
            ],
        ),
    ).properties(width="container", height=_HEIGHT_PX)
    spec: dict[str, Any] = chart.configure(**look()).to_dict()
    del spec["$schema"]  # a URL, which the page shall not hold; DRAW sets the mode itself
    spec["datasets"] = {"parts": parts, "layers": layers}
    return spec


def _part_row(cost: LayerCost, at: int) -> dict[str, Any]:
    part = cost.parts[at]
    latency_us = part.calls * part.cost.latency_us
    return {
        "tokens": cost.tokens,
        "at": at,
        "part": shown(part.cost.op),
        "us": latency_us,
        "share": 100 * latency_us / cost.latency_us,
    }


def _layer_row(cost: LayerCost) -> dict[str, Any]:
    row = {
        "tokens": cost.tokens,
        "lo": 100 * cost.latency_us_lo / cost.latency_us,
        "hi": 100 * cost.latency_us_hi / cost.latency_us,
    }
    if cost.unit is not None:
        row["measured"] = 100 * cost.unit.latency_us / cost.latency_us
        row["measured_us"] = cost.unit.latency_us
    return row
