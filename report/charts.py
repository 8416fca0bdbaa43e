"""One interactive chart a curve: latency over batch size, measured and fitted, as Vega-Lite."""

from math import sqrt
from typing import Any, Final

import altair as alt

from ..costmodel.cost import Cost
from .contents import Curve, Row
from .markup import without_folders

_HEIGHT_PX: Final = 280
_LEAST_RATIO: Final = 4.0  # of the ends of the latency axis: a flat curve shall look flat
_FONT: Final = "system-ui, sans-serif"
_ROLES: Final = ["fit", "holdout", "calibration"]
_DIGITS: Final = ",.4~r"  # four significant digits, never an exponent
# What the pointer shows of a point beside its plain columns, as Vega expressions: written out for
# each point they would double the page.
_CALCULATED: Final = {
    "latency": f"format(datum.latency_us, '{_DIGITS}') + ' µs'",
    "95 % interval": (
        f"isValid(datum.lo_us) ? format(datum.lo_us, '{_DIGITS}') + ' to ' + "
        f"format(datum.hi_us, '{_DIGITS}') + ' µs' : 'too few calls'"
    ),
    "spread": "isValid(datum.spread) ? format(datum.spread, '.2%') : 'unknown'",
    "marks": "isValid(datum.doubts) ? datum.doubts : 'none'",
}


def chart_spec(curve: Curve) -> dict[str, Any] | None:
    """Vega-Lite specification of a curve's chart, None where nothing was measured or fitted.

    Both axes are logarithmic: tile sizes and their multiples lie evenly, and equal ratios of
    latency look equal at 1 token as at 512. Colours are CSS variables (report/style.py), so that
    the chart follows the page's theme. Texts of the run are values only, never names of fields.
    """
    if not curve.measured and not curve.costs:
        return None
    layers = [*_model_layers(curve), *_point_layers(curve)]
    # A bare wheel scrolls the page; Ctrl with the wheel, as a pinch also arrives, zooms the chart.
    zoom = alt.selection_interval(bind="scales", zoom="wheel![event.ctrlKey || event.metaKey]")
    chart: Any = alt.layer(*layers).properties(width="container", height=_HEIGHT_PX)
    spec: dict[str, Any] = chart.add_params(zoom).configure(**_look()).to_dict()
    del spec["$schema"]  # the page says itself that this is Vega-Lite, and holds no address
    # Rows are put in last: Altair would check each of them against the schema of Vega-Lite.
    spec["datasets"] = {
        "model": [_model_row(cost) for cost in curve.costs.values()],
        "measured": [_measured_row(row) for row in curve.measured],
        "failed": [_failed_row(row) for row in curve.failed],
    }
    return spec


def _look() -> dict[str, Any]:
    text = {"labelFont": _FONT, "titleFont": _FONT, "titleFontWeight": "normal"}
    lines = {"domainColor": "var(--line)", "tickColor": "var(--line)", "gridColor": "var(--line)"}
    colours = {"labelColor": "var(--muted)", "titleColor": "var(--muted)", "gridOpacity": 0.45}
    return {
        "background": "transparent",
        "view": {"stroke": None},
        "axis": text | lines | colours | {"labelFontSize": 11, "titleFontSize": 11},
    }


def _axes(curve: Curve) -> dict[str, Any]:
    """Batch size and latency, logarithmic, just wide enough for everything that is drawn."""
    sizes = [row["tokens"] for row in curve.points] + list(curve.costs)
    x = alt.Scale(type="log", base=2, domain=[min(sizes) / 1.15, max(sizes) * 1.15], nice=False)
    y = alt.Scale(type="log", domain=_latency_domain(curve), nice=False)
    return {
        "x": alt.X("tokens:Q", scale=x, title="batch size (tokens)"),
        "y": alt.Y("latency_us:Q", scale=y, title="latency (µs)"),
    }


def _latency_domain(curve: Curve) -> list[float]:
    columns = ("latency_us", "latency_us_lo", "latency_us_hi")
    values = [row[column] for row in curve.measured for column in columns]
    values += [getattr(cost, column) for cost in curve.costs.values() for column in columns]
    known = [value for value in values if value]
    low, high = min(known), max(known)
    widen = max(1.1, sqrt(_LEAST_RATIO * low / high))
    return [low / widen, high * widen]


def _model_layers(curve: Curve) -> list[Any]:
    """Draw the fitted curve, its 95 % band, and a rule at the pointer that reads them off."""
    if curve.model is None:
        return []
    titles = {"tokens": "batch size", "latency_us": "predicted (µs)"}
    band = {"lo_us": "95 % from (µs)", "hi_us": "95 % to (µs)"}
    shown = titles | band
    # A step holds until the next size; a line runs from size to size.
    interpolate: Any = "linear" if curve.model.fit == "linear" else "step-after"
    near = alt.selection_point(
        nearest=True, on="pointerover", clear="pointerout", encodings=["x"], empty=False
    )
    base: Any = alt.Chart(alt.NamedData(name="model")).encode(**_axes(curve))
    line = base.mark_line(interpolate=interpolate, color="var(--fit)", strokeWidth=1.5)
    ruler = base.mark_rule(color="var(--muted)").encode(
        y=alt.value(0),
        y2=alt.value(_HEIGHT_PX),
        opacity=alt.condition(near, alt.value(0.8), alt.value(0)),
        tooltip=[alt.Tooltip(f"{f}:Q", title=title, format=_DIGITS) for f, title in shown.items()],
    )
    area = base.mark_area(interpolate=interpolate, color="var(--fit)", opacity=0.18)
    return [area.encode(y="lo_us:Q", y2="hi_us:Q"), line, ruler.add_params(near)]


def _point_layers(curve: Curve) -> list[Any]:
    """Draw points with their intervals, rings around doubtful ones, crosses for failed ones."""
    base: Any = alt.Chart(alt.NamedData(name="measured")).encode(**_axes(curve), **_roles())
    base = base.transform_calculate(**_CALCULATED)
    tooltip = [
        alt.Tooltip("tokens:Q", title="batch size"),
        *(alt.Tooltip(field=title, type="nominal") for title in _CALCULATED),
        alt.Tooltip("calls:Q"),
        alt.Tooltip("role:N"),
    ]
    ring = base.transform_filter("isValid(datum.doubts)").mark_point(size=170, strokeWidth=1.5)
    ring = ring.encode(color=alt.value("var(--doubt)"), shape=alt.value("circle"), tooltip=tooltip)
    return [
        base.mark_rule(strokeWidth=1.5).encode(y="lo_us:Q", y2="hi_us:Q"),
        base.mark_point(filled=True, size=45, opacity=1).encode(tooltip=tooltip),
        *([ring] if any(row["marks"] for row in curve.measured) else []),
        *([_failed_layer(curve)] if curve.failed else []),
    ]


def _roles() -> dict[str, Any]:
    colours = alt.Scale(domain=_ROLES, range=["var(--fit)", "var(--holdout)", "var(--muted)"])
    shapes = alt.Scale(domain=_ROLES, range=["circle", "diamond", "square"])
    return {
        "color": alt.Color("role:N", scale=colours, legend=None),
        "shape": alt.Shape("role:N", scale=shapes, legend=None),
    }


def _failed_layer(curve: Curve) -> Any:
    base: Any = alt.Chart(alt.NamedData(name="failed"))
    return base.mark_point(
        shape="cross", angle=45, filled=True, size=80, color="var(--fail)"
    ).encode(
        x=_axes(curve)["x"],
        y=alt.value(_HEIGHT_PX - 8),
        tooltip=[
            alt.Tooltip("tokens:Q", title="batch size"),
            alt.Tooltip("failure:N", title="not measured"),
        ],
    )


def _model_row(cost: Cost) -> dict[str, Any]:
    return _known(
        tokens=cost.tokens,
        latency_us=cost.latency_us,
        lo_us=cost.latency_us_lo,
        hi_us=cost.latency_us_hi,
    )


def _measured_row(row: Row) -> dict[str, Any]:
    return _known(
        tokens=row["tokens"],
        latency_us=row["latency_us"],
        lo_us=row["latency_us_lo"],
        hi_us=row["latency_us_hi"],
        role=row["role"],
        calls=row["calls"],
        spread=row["spread"],
        doubts=without_folders("; ".join(row["marks"] or ())) or None,
    )


def _failed_row(row: Row) -> dict[str, Any]:
    reason = row["failure"] or "no latency, and no reason recorded"
    return {"tokens": row["tokens"], "failure": without_folders(reason)}


def _known(**fields: Any) -> dict[str, Any]:
    """Keep the fields that have a value, floats to five digits: more than a pixel shows."""
    return {
        name: float(f"{value:.5g}") if isinstance(value, float) else value
        for name, value in fields.items()
        if value is not None
    }
