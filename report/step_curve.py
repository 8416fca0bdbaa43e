"""The page of a curve of energy: joules per token against time per token, with its front."""

from pathlib import Path
from typing import Any, Final

import altair as alt

from ..costmodel.steptime.curve import CurvePoint, EnergyCurve
from ..store.files import write_whole
from .charts import look
from .frame import html_page
from .markup import Html, element, facts, joined, plot, shown, table
from .quantities import between, significant

_HEIGHT_PX: Final = 440
_DIGITS: Final = ",.4~r"
_PREDICTED: Final = (
    "Every number on this page is predicted from measured rows of served models: none was measured"
    " here."
)
_TIME: Final = "time per token of a request (ms)"
_ENERGY: Final = "energy per token, of all GPUs (J)"
_HEAD: Final = (
    "split", "batch size", "ms/token", "90 % within", "J/token", "90 % within", "W", "tokens/s",
    "tokens/s per GPU", "extrapolated",
)  # fmt: skip


def write_curve(path: Path, curve: EnergyCurve) -> None:
    """Write the page. Raises BadInput where the file cannot be written."""
    write_whole(path, render_curve(curve))


def render_curve(curve: EnergyCurve) -> str:
    """Show a curve as one HTML page that needs no network and no other file."""
    sections = (
        ("curve", "Energy against time", _chart(curve)),
        ("front", "The Pareto front", _front(curve)),
        ("points", "All points", _points(curve)),
        ("origin", "Where the numbers are from", facts(curve.origin)),
    )
    return html_page(f"moeprof: energy of {shown(curve.served)}", _header(curve), sections)


def _header(curve: EnergyCurve) -> Html:
    return element(
        "header",
        element("h1", f"Energy of {curve.served} ", element("span", "predicted", class_="badge")),
        element("p", curve.requests, class_="muted"),
        element("p", _PREDICTED, class_="notice"),
        *(element("p", f"{remark}.", class_="notice") for remark in curve.remarks),
    )


def _chart(curve: EnergyCurve) -> Html:
    if not curve.front:
        return element("p", "No row had power, so that there is no energy to draw.")
    words = f"{_ENERGY} against {_TIME} of {', '.join(curve.splits)}, with the Pareto front."
    told = (
        "Each point is a batch size; a line joins those of one split. The grey line joins the"
        " points that no other beats in both time and energy per token. These have the batch size"
        " beside them, and bars that hold 90 % of such steps. Both axes are logarithmic."
    )
    none = element("noscript", element("p", "The chart needs JavaScript; the tables have it all."))
    figure = element("figure", element("figcaption", told), plot("spec", curve_spec(curve), words))
    return joined(none, figure)


def curve_spec(curve: EnergyCurve) -> dict[str, Any]:
    """Vega-Lite specification of the points, the lines of each split, and the front."""
    splits = list(map(shown, curve.splits))
    x = alt.X("ms:Q", title=_TIME, scale=alt.Scale(type="log", nice=False, padding=24))
    y = alt.Y("j:Q", title=_ENERGY, scale=alt.Scale(type="log", nice=False, padding=24))
    colour = alt.Color(
        "split:N",
        sort=splits,
        scale=alt.Scale(scheme="tableau10", domain=splits),
        legend=alt.Legend(title=None, orient="bottom", symbolOpacity=1),
    )
    every: Any = alt.Chart(alt.NamedData(name="points")).encode(x=x, y=y)
    best: Any = alt.Chart(alt.NamedData(name="front")).encode(x=x, y=y)
    layers = [
        best.mark_line(color="var(--muted)", strokeWidth=6, opacity=0.25).encode(order="ms:Q"),
        best.mark_rule(opacity=0.35).encode(
            x=alt.X("ms_lo:Q", title=_TIME), x2="ms_hi:Q", color=colour
        ),
        best.mark_rule(opacity=0.35).encode(
            y=alt.Y("j_lo:Q", title=_ENERGY), y2="j_hi:Q", color=colour
        ),
        every.mark_line(strokeWidth=1.3, opacity=0.7).encode(color=colour, order="batch:Q"),
        every.mark_point(filled=True, size=30, opacity=0.8).encode(
            color=colour, tooltip=_tooltip()
        ),
        best.mark_point(filled=True, size=110, opacity=1, stroke="var(--paper)").encode(
            color=colour, tooltip=_tooltip()
        ),
        best.mark_text(align="left", dx=9, dy=-7, fontSize=10, color="var(--muted)").encode(
            text="batch:Q"
        ),
    ]
    chart: Any = alt.layer(*layers).properties(width="container", height=_HEIGHT_PX)
    spec: dict[str, Any] = chart.configure(**look()).to_dict()
    del spec["$schema"]  # a URL, which the page shall not hold; DRAW sets the mode itself
    rows = {"points": curve.points, "front": curve.front}
    spec["datasets"] = {
        name: [_drawn(one) for one in some if one.j_per_token is not None]
        for name, some in rows.items()
    }
    return spec


def _tooltip() -> list[Any]:
    return [
        alt.Tooltip("split:N"),
        alt.Tooltip("batch:Q", title="batch size"),
        alt.Tooltip("ms:Q", title="ms/token", format=_DIGITS),
        alt.Tooltip("time:N", title="90 % of such steps"),
        alt.Tooltip("j:Q", title="J/token", format=_DIGITS),
        alt.Tooltip("energy:N", title="90 % of such energies"),
        alt.Tooltip("w:Q", title="W", format=_DIGITS),
    ]


def _drawn(one: CurvePoint) -> dict[str, Any]:
    values = {
        "ms": one.ms_per_token,
        "ms_lo": one.low_ms,
        "ms_hi": one.high_ms,
        "j": one.j_per_token,
        "j_lo": one.low_j,
        "j_hi": one.high_j,
        "w": one.power_w,
    }
    texts = {
        "split": shown(one.split),
        "batch": one.batch,
        "time": between(one.low_ms, one.high_ms) or "not known",
        "energy": between(one.low_j, one.high_j) or "not known",
    }
    numbers = {name: float(f"{value:.5g}") for name, value in values.items() if value is not None}
    return numbers | texts


def _front(curve: EnergyCurve) -> Html:
    caption = "Points that no other beats in both time and energy per token, fastest first"
    return table(caption, _HEAD, [_row(one) for one in curve.front])


def _points(curve: EnergyCurve) -> Html:
    rows = [(*_row(one), "yes" if one.on_front else "") for one in curve.points]
    listed = table("Every split and batch that was asked for", (*_HEAD, "on the front"), rows)
    return element("details", element("summary", f"{len(curve.points)} points"), listed)


def _row(one: CurvePoint) -> tuple[object, ...]:
    return (
        one.split,
        one.batch,
        significant(one.ms_per_token),
        between(one.low_ms, one.high_ms),
        significant(one.j_per_token),
        between(one.low_j, one.high_j),
        significant(one.power_w),
        significant(one.tokens_per_s),
        significant(one.tokens_per_s / one.gpus),
        "yes" if one.extrapolated else "",
    )
