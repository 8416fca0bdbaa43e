"""Interactive charts of a curve: a quantity over batch size, measured and fitted, as Vega-Lite."""

from collections.abc import Callable
from dataclasses import dataclass
from math import isfinite, sqrt
from typing import Any, Final

import altair as alt

from ..costmodel.cost import Cost
from ..store.plan import Role
from .contents import Curve, Row
from .markup import shown

_HEIGHT_PX: Final = 280
_MIN_RATIO: Final = 4.0  # between the ends of a quantity's axis, so that a flat curve looks flat
_FONT: Final = "system-ui, sans-serif"
_ROLES: Final = list(map(str, Role))
_DIGITS: Final = ",.4~r"  # four significant digits, never an exponent

Interval = tuple[float | None, float | None, float | None]  # value, low and high end (95 %)


@dataclass(frozen=True, slots=True)
class Quantity:
    """A quantity drawn over batch size, and how to read it from a point and from a cost."""

    name: str
    unit: str
    of_point: Callable[[Row], Interval]
    of_cost: Callable[[Cost], Interval]

    @property
    def title(self) -> str:
        """Name with its unit."""
        return f"{self.name} ({self.unit})"


def _energy(row: Row) -> Interval:
    energy_mj, half_mj = row["energy_mj"], row["energy_mj_ci95"]
    if energy_mj is None or half_mj is None or half_mj >= energy_mj:
        return energy_mj, None, None  # a logarithmic axis has no zero
    return energy_mj, energy_mj - half_mj, energy_mj + half_mj


LATENCY: Final = Quantity(
    "latency",
    "µs",
    lambda row: (row["latency_us"], row["latency_us_lo"], row["latency_us_hi"]),
    lambda cost: (cost.latency_us, cost.latency_us_lo, cost.latency_us_hi),
)
ENERGY: Final = Quantity(
    "energy", "mJ", _energy, lambda cost: (cost.energy_mj, cost.energy_mj_lo, cost.energy_mj_hi)
)


def chart_spec(curve: Curve, quantity: Quantity) -> dict[str, Any] | None:
    """Vega-Lite specification of a curve's chart, None where nothing was measured or fitted.

    Both axes are logarithmic: tile sizes and their multiples are evenly spaced, and equal ratios
    look equal at 1 token and at 512. Colours are CSS variables (report/style.py), so the chart
    follows the page's theme. Texts of the run are used as values only, never as field names.
    """
    measured = [_measured_row(row, quantity) for row in curve.points if _is_drawn(row, quantity)]
    model = [row for cost in curve.costs.values() if (row := _model_row(cost, quantity))]
    if not measured and not model:
        return None
    failed = [_failed_row(row) for row in curve.failed] if quantity is LATENCY else []
    axes = _axes(curve, quantity, [*measured, *model])
    layers = [*_model_layers(curve, quantity, axes), *_point_layers(quantity, axes)]
    layers += [_ring_layer(quantity, axes)] if any("flags" in row for row in measured) else []
    layers += [_failed_layer(axes)] if failed else []
    # The wheel alone scrolls the page; Ctrl and wheel, which a pinch also sends, zoom the chart.
    zoom = alt.selection_interval(bind="scales", zoom="wheel![event.ctrlKey || event.metaKey]")
    chart: Any = alt.layer(*layers).properties(width="container", height=_HEIGHT_PX)
    spec: dict[str, Any] = chart.add_params(zoom).configure(**look()).to_dict()
    del spec["$schema"]  # a URL, which the page shall not hold; DRAW sets the mode itself
    # Rows are added last: Altair would validate each of them against the schema of Vega-Lite.
    spec["datasets"] = {"model": model, "measured": measured, "failed": failed}
    return spec


def _is_drawn(row: Row, quantity: Quantity) -> bool:
    value, *_ = quantity.of_point(row)
    return value is not None and isfinite(value) and value > 0


def look() -> dict[str, Any]:
    """What all charts of the page look like: fonts, and colours that follow its theme."""
    text = {"labelFont": _FONT, "titleFont": _FONT, "titleFontWeight": "normal"}
    lines = {"domainColor": "var(--line)", "tickColor": "var(--line)", "gridColor": "var(--line)"}
    colours = {"labelColor": "var(--muted)", "titleColor": "var(--muted)", "gridOpacity": 0.45}
    return {
        "background": "transparent",
        "view": {"stroke": None},
        "axis": text | lines | colours | {"labelFontSize": 11, "titleFontSize": 11},
        "legend": text | {"labelColor": "var(--muted)"},
    }


def _axes(curve: Curve, quantity: Quantity, rows: list[Row]) -> dict[str, Any]:
    """Logarithmic axes of batch size and the quantity, fitted to the drawn values."""
    sizes = [row["tokens"] for row in curve.points] + list(curve.costs)
    x = alt.Scale(type="log", base=2, domain=[min(sizes) / 1.15, max(sizes) * 1.15], nice=False)
    y = alt.Scale(type="log", domain=_domain(rows), nice=False)
    return {
        "x": alt.X("tokens:Q", scale=x, title="batch size (tokens)"),
        "y": alt.Y("value:Q", scale=y, title=quantity.title),
    }


def _domain(rows: list[Row]) -> list[float]:
    known = [row[end] for row in rows for end in ("value", "lo", "hi") if row.get(end, 0) > 0]
    low, high = min(known), max(known)
    widen = max(1.1, sqrt(_MIN_RATIO * low / high))
    return [low / widen, high * widen]


def _model_layers(curve: Curve, quantity: Quantity, axes: dict[str, Any]) -> list[Any]:
    """Draw the fitted curve, its 95 % band, and a rule at the pointer with their values."""
    if not curve.costs:
        return []
    titles = {"tokens": "batch size", "value": f"predicted ({quantity.unit})"}
    band = {"lo": f"95 % from ({quantity.unit})", "hi": f"95 % to ({quantity.unit})"}
    # A staircase keeps its value until the next size; other fits are drawn as lines.
    interpolate: Any = "step-after" if curve.model and curve.model.fit != "linear" else "linear"
    near = alt.selection_point(
        nearest=True, on="pointerover", clear="pointerout", encodings=["x"], empty=False
    )
    base: Any = alt.Chart(alt.NamedData(name="model")).encode(**axes)
    line = base.mark_line(interpolate=interpolate, color="var(--fit)", strokeWidth=1.5)
    ruler = base.mark_rule(color="var(--muted)").encode(
        y=alt.value(0),
        y2=alt.value(_HEIGHT_PX),
        opacity=alt.condition(near, alt.value(0.8), alt.value(0)),
        tooltip=[
            alt.Tooltip(f"{field}:Q", title=title, format=_DIGITS)
            for field, title in (titles | band).items()
        ],
    )
    area = base.mark_area(interpolate=interpolate, color="var(--fit)", opacity=0.18)
    return [area.encode(y="lo:Q", y2="hi:Q"), line, ruler.add_params(near)]


def _point_layers(quantity: Quantity, axes: dict[str, Any]) -> list[Any]:
    """Draw points with their intervals."""
    base = _points(quantity, axes)
    return [
        base.mark_rule(strokeWidth=1.5).encode(y="lo:Q", y2="hi:Q"),
        base.mark_point(filled=True, size=45, opacity=1).encode(tooltip=_tooltip(quantity)),
    ]


def _ring_layer(quantity: Quantity, axes: dict[str, Any]) -> Any:
    """Draw rings around flagged points."""
    rings = _points(quantity, axes).transform_filter("isValid(datum.flags)")
    return rings.mark_point(size=170, strokeWidth=1.5).encode(
        color=alt.value("var(--flag)"),
        shape=alt.value("circle"),
        tooltip=_tooltip(quantity),
    )


def _points(quantity: Quantity, axes: dict[str, Any]) -> Any:
    base: Any = alt.Chart(alt.NamedData(name="measured")).encode(**axes, **_roles())
    return base.transform_calculate(**_calculated(quantity))


def _calculated(quantity: Quantity) -> dict[str, str]:
    """Texts of a point's tooltip as Vega expressions, by title.

    As texts in each row they would double the size of the page.
    """
    unit = quantity.unit
    return {
        quantity.name: f"format(datum.value, '{_DIGITS}') + ' {unit}'",
        "95 % interval": (
            f"isValid(datum.lo) ? format(datum.lo, '{_DIGITS}') + ' to ' + "
            f"format(datum.hi, '{_DIGITS}') + ' {unit}' : 'not known'"
        ),
        "spread": "isValid(datum.spread) ? format(datum.spread, '.2%') : 'unknown'",
        "flags": "isValid(datum.flags) ? datum.flags : 'none'",
    }


def _tooltip(quantity: Quantity) -> list[Any]:
    return [
        alt.Tooltip("tokens:Q", title="batch size"),
        *(alt.Tooltip(field=title, type="nominal") for title in _calculated(quantity)),
        alt.Tooltip("calls:Q"),
        alt.Tooltip("role:N"),
    ]


def _roles() -> dict[str, Any]:
    colours = alt.Scale(domain=_ROLES, range=["var(--fit)", "var(--holdout)", "var(--muted)"])
    shapes = alt.Scale(domain=_ROLES, range=["circle", "diamond", "square"])
    return {
        "color": alt.Color("role:N", scale=colours, legend=None),
        "shape": alt.Shape("role:N", scale=shapes, legend=None),
    }


def _failed_layer(axes: dict[str, Any]) -> Any:
    base: Any = alt.Chart(alt.NamedData(name="failed"))
    return base.mark_point(
        shape="cross", angle=45, filled=True, size=80, color="var(--fail)"
    ).encode(
        x=axes["x"],
        y=alt.value(_HEIGHT_PX - 8),
        tooltip=[
            alt.Tooltip("tokens:Q", title="batch size"),
            alt.Tooltip("failure:N", title="not measured"),
        ],
    )


def _model_row(cost: Cost, quantity: Quantity) -> Row | None:
    value, low, high = quantity.of_cost(cost)
    return None if value is None else _known(tokens=cost.tokens, value=value, lo=low, hi=high)


def _measured_row(row: Row, quantity: Quantity) -> Row:
    value, low, high = quantity.of_point(row)
    return _known(
        tokens=row["tokens"],
        value=value,
        lo=low,
        hi=high,
        role=row["role"],
        calls=row["calls"],
        spread=row["spread"],
        flags=shown("; ".join(row["marks"] or ())) or None,
    )


def _failed_row(row: Row) -> dict[str, Any]:
    reason = row["failure"] or "no latency, and no reason recorded"
    return {"tokens": row["tokens"], "failure": shown(reason)}


def _known(**fields: Any) -> dict[str, Any]:
    """Keep the fields that have a value; floats are rounded to five digits, below a pixel."""
    return {
        name: float(f"{value:.5g}") if isinstance(value, float) else value
        for name, value in fields.items()
        if value is not None
    }
