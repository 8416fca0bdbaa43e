"""Each curve as a caption, charts, and a table of its points."""

from typing import Final

from ..store.plan import Role
from ..store.verdicts.parts import error_between
from .charts import ENERGY, LATENCY, Quantity, chart_spec
from .contents import Contents, Curve, Row, is_measured
from .markup import Html, element, joined, plot, table
from .quantities import ERROR, between, count, latency, percent, significant
from .style import LEGEND
from .verdict import outcome

# Sources whose numbers were not measured on the hardware of the report.
_NOT_MEASURED: Final = ("simulated", "estimated", "imported")
_MAX_TABLE_ROWS: Final = 1000  # summed over all tables; limits the size of the page
_SOURCES: Final = {
    "kernel": "kernel time",
    "wall": "wall time per call",
    "nvml_counter": "NVML's energy counter",
    "nvml_power": "NVML's power",
    "nsys_nvml": "power within the trace",
    "external_meter": "an external meter",
    "rapl": "RAPL",
}
# Logarithmic axes show ratios; linear ones show the steps between large sizes.
_AXES: Final = Html(
    '<fieldset id="axes"><legend>Axes</legend>'
    '<label><input type="radio" name="axes" checked> logarithmic</label>'
    '<label><input type="radio" name="axes" id="linear"> linear</label></fieldset>'
)
_OPTIONAL: Final = {
    "energy_mj": "energy (mJ)",
    "power_w": "power (W)",
    "gap_us": "gaps (µs)",
    "latency_sustained_us": "sustained latency (µs)",
}


def source(name: str) -> Html:
    """Name a source of numbers, as a badge where it was not measured on this device."""
    if name in _NOT_MEASURED:
        return element("span", name, class_="badge")
    return element("span", _SOURCES.get(name, name))


def curves_section(contents: Contents) -> Html:
    """Figures of all curves under one legend."""
    if not contents.curves:
        return element("p", "The run has no curve.", class_="notice")
    glyphs = [
        element(
            "li",
            Html(f'<svg width="14" height="14" aria-hidden="true">{glyph}</svg>'),
            meaning,
        )
        for meaning, glyph in LEGEND
    ]
    brief = len(contents.points) > _MAX_TABLE_ROWS
    figures = [_figure(index, curve, brief) for index, curve in enumerate(contents.curves)]
    return joined(
        element("ul", *glyphs, class_="legend"),
        _AXES,
        element(
            "p",
            "Point at a chart for its numbers; drag to move, Ctrl and wheel or pinch to zoom, "
            "double-click to go back.",
            class_="muted",
        ),
        element(
            "p",
            f"In the tables, an error is {ERROR}. A leave-one-out error is the size of "
            "predicted / measured less 1, at knots that the fit was made without.",
            class_="muted",
        ),
        element("noscript", element("p", "Charts need JavaScript; the tables hold the numbers.")),
        element("div", *figures, class_="curves"),
    )


def _figure(index: int, curve: Curve, brief: bool) -> Html:
    words = _summary(curve)
    plots = [_plot(index, curve, quantity, words) for quantity in (LATENCY, ENERGY)]
    if not any(plots):
        plots = [element("p", "Nothing to draw: no point was measured.", class_="notice")]
    return element(
        "figure",
        element("h3", curve.op, element("span", curve.slug, class_="under")),
        element("figcaption", words, element("span", *_labels(curve), class_="under")),
        *plots,
        _details(curve, brief),
    )


def _plot(index: int, curve: Curve, quantity: Quantity, words: str) -> Html:
    """Chart of a quantity; empty where it was neither measured nor fitted."""
    spec = chart_spec(curve, quantity)
    if spec is None:
        return Html()
    alternative = f"Chart of {quantity.name} over batch size for {curve.op}. {words}"
    return plot(f"spec-{index}-{quantity.name}", spec, alternative)


def _summary(curve: Curve) -> str:
    held_out = sum(row["role"] == Role.HOLDOUT for row in curve.measured)
    calibrating = sum(row["role"] == Role.CALIBRATION for row in curve.measured)
    sentences = [
        f"{count(len(curve.measured) - held_out, 'size')} for the fit"
        + (f" ({calibrating} for the intervals first)" if calibrating else "")
        + f" and {held_out} held out"
        + (f", {len(curve.failed)} failed" if curve.failed else "")
    ]
    if curve.measured:
        values_us = [row["latency_us"] for row in curve.measured]
        low, high = curve.measured[0]["tokens"], curve.measured[-1]["tokens"]
        sentences.append(
            f"{latency(min(values_us))} to {latency(max(values_us))} "
            f"over batch sizes {low} to {high}"
        )
    sentences.append(_fit_sentence(curve))
    return ". ".join(sentences) + "."


def _fit_sentence(curve: Curve) -> str:
    if curve.model is None:
        surface = "The model holds it as part of its surface over active experts"
        return surface if curve.on_surface else "The model has no such curve"
    error = curve.model.error
    if error.median is None:
        return f"Fit: {curve.model.fit}; too few knots for a leave-one-out error"
    return (
        f"Fit: {curve.model.fit}; leave-one-out error {percent(error.median)} in the median, "
        f"{percent(error.p95)} at the 95th percentile"
    )


def _labels(curve: Curve) -> list[Html]:
    """Sources of latencies and energies, and the verdicts on this curve."""
    names = {row["latency_source"] for row in curve.measured}
    names |= set() if curve.model is None else {curve.model.latency_source}
    labels = [source(name) for name in sorted(filter(None, names))]
    meters = {row["energy_source"] for row in curve.points if row["energy_mj"] is not None}
    labels += [element("span", "energy: ", source(name)) for name in sorted(filter(None, meters))]
    labels += [element("span", f"{v.metric} ", outcome(v.outcome)) for v in curve.verdicts]
    return [joined(" · " if index else "", label) for index, label in enumerate(labels)]


def _details(curve: Curve, brief: bool) -> Html:
    """Points as a table; where `brief`, only those that the fit did not use."""
    shown = [
        row
        for row in curve.points
        if not brief or row["role"] == Role.HOLDOUT or not is_measured(row)
    ]
    optional = [c for c in _OPTIONAL if any(row[c] is not None for row in curve.points)]
    head = (
        "batch size",
        "role",
        "latency (µs)",
        "95 % interval (µs)",
        "predicted (µs)",
        "error",
        "calls",
        "repeats that agree",
        "spread",
        *(_OPTIONAL[column] for column in optional),
        "flags",
    )
    rows = [(*_cells(curve, row), *_optional_cells(row, optional), _flags(row)) for row in shown]
    caption = f"Points of {curve.slug}"
    if brief:
        caption += " that the fit did not use; the run's tables/points.parquet holds all of them"
    summary = f"{count(len(rows), 'point')} of {curve.op} as a table"
    return element("details", element("summary", summary), table(caption, head, rows))


def _cells(curve: Curve, row: Row) -> tuple[object, ...]:
    cost = curve.costs.get(row["tokens"])
    measured_us, predicted_us = row["latency_us"], None
    # At points of the fit the prediction equals the measurement.
    if cost is not None and row["role"] == Role.HOLDOUT:
        predicted_us = cost.latency_us
    error = error_between(predicted_us, measured_us) if predicted_us and measured_us else None
    return (
        row["tokens"],
        row["role"],
        significant(measured_us),
        between(row["latency_us_lo"], row["latency_us_hi"]),
        significant(predicted_us) if predicted_us else "",
        percent(error) if error is not None else "",
        row["calls"],
        "" if row["agreeing"] is None else f"{row['agreeing']} of {row['visits']}",
        percent(row["spread"]),
    )


def _optional_cells(row: Row, columns: list[str]) -> list[object]:
    cells: list[object] = []
    for column in columns:
        value = significant(row[column])
        label = source(row["energy_source"]) if column == "energy_mj" and value else ""
        cells.append(joined(value, " ", label) if label else value)
    return cells


def _flags(row: Row) -> str:
    failure = [f"failed: {row['failure']}"] if row["failure"] else []
    return "; ".join([*failure, *(row["marks"] or ())])
