"""Each layer of gated experts: its parts over batch size beside the layer as it was measured."""

from collections.abc import Sequence
from typing import Final

from ..costmodel.cost import Cost
from ..costmodel.layer.choice import described
from ..costmodel.layer.cost import LayerCost
from ..store.errors import shortened
from ..store.fitted_runs import LayerSizes
from .layer_chart import layer_chart_spec
from .markup import Html, element, joined, plot, table
from .quantities import between, percent, significant

_PREDICTED: Final = "layer, predicted"
_COLUMNS: Final = (
    "batch size", "sum of the parts", "difference, fitted", _PREDICTED, "95 % interval",
    "measured as one", "95 % interval",
)  # fmt: skip


def layers_section(layers: Sequence[tuple[LayerSizes, Sequence[LayerCost]]]) -> Html:
    """A chart and a table of each layer and its costs over batch size."""
    figures = [_figure(at, *found) for at, found in enumerate(layers)]
    return joined(
        element(
            "p",
            "Each bar is the sum of a layer's parts, in percent of the latency that they and"
            " their fitted difference predict for it as one; the line is the 95 % interval of"
            " that, the diamond the layer as it was measured.",
            class_="muted",
        ),
        element("div", *figures, class_="layers"),
    )


def _figure(at: int, layer: LayerSizes, costs: Sequence[LayerCost]) -> Html:
    name = f"{described(layer)}, {shortened(layer.routing or '', 30)}"
    names = [part.cost.op for part in costs[0].parts]
    columns = [
        "layer, incomplete" if costs[0].missing and one == _PREDICTED else one for one in _COLUMNS
    ]
    caption = f"Parts of {name}, one after the other, in µs"
    return element(
        "figure",
        element("h3", name),
        element("figcaption", _beside(costs[0])),
        plot(f"layer-{at}", layer_chart_spec(costs), f"Chart of {caption}"),
        table(caption, [*columns, *names], list(map(_row, costs))),
    )


def _row(cost: LayerCost) -> list[object]:
    return [
        cost.tokens,
        significant(cost.sum_us),
        significant(cost.difference_us),
        significant(cost.latency_us),
        _interval(cost),
        significant(cost.unit.latency_us if cost.unit else None),
        _interval(cost.unit),
        *(significant(part.cost.latency_us) for part in cost.parts),
    ]


def _interval(cost: LayerCost | Cost | None) -> str | None:
    return None if cost is None else between(cost.latency_us_lo, cost.latency_us_hi)


def _beside(cost: LayerCost) -> str:
    """What the layer lacks, and what it takes beside its parts."""
    missing = f"Without {'; '.join(cost.missing)}. " if cost.missing else ""
    fitted = cost.difference
    if fitted is None:
        return f"{missing}No difference of a whole layer is added: {cost.difference_reason}."
    share = fitted.overlap_share
    return (
        f"{missing}Difference from the sum: {significant(fitted.gap_us)} µs between two parts, and"
        f" {percent(abs(share))} {'less' if share > 0 else 'more'} of the sum; fitted at"
        f" {fitted.n} sizes."
    )
