"""The verdict on the model: its errors on points that the fit had not seen."""

from pathlib import PurePath
from typing import Final

from ..store.percent import percent as in_percent
from ..store.verdicts.parts import Outcome
from ..store.verdicts.summary import BANDS, advice, headline, name_of, width_in_words
from ..store.verdicts.verdict import (
    ANOTHER_MODEL,
    CurveVerdict,
    MixedWorkloadVerdict,
    Sensor,
    Validation,
)
from .contents import Contents
from .markup import Html, element, joined, table
from .quantities import ERROR, percent, significant

_SIGNS: Final = {Outcome.PASS: "✓", Outcome.FAIL: "✗", Outcome.AMBIGUOUS: "?"}
LAXER: Final = "An earlier verdict on this model was under a stricter limit: see below."
_HEAD: Final = (
    "curve",
    "outcome",
    "n",
    "median",
    "p95",
    "worst",
    *BANDS,
    "bias",
    "floor",
    "inside 50/80/95",
    "width (times)",
    "limits",
)


def outcome(value: Outcome) -> Html:
    """Show an outcome as a word with a sign and a colour."""
    return element("span", f"{_SIGNS[value]} {value}", class_=f"outcome {value}")


def verdict_section(contents: Contents) -> Html:
    """Show each validation by curve, or the commands that make a model and a validation."""
    if contents.model is None:
        return _missing("There is no cost model yet.", "build-model", "validate")
    if not contents.validations:
        return _missing("The model has not been held against unseen points.", "validate")
    return joined(*(_validation(contents, one) for one in contents.validations))


def _validation(contents: Contents, validation: Validation) -> Html:
    names = contents.names
    places = {slug: place for place, slug in enumerate(names)}
    curves = sorted(validation.curves, key=lambda one: places.get(one.curve, len(places)))
    rows = [_row(names.get(one.curve, one.op), one) for one in curves]
    return joined(
        element(
            "p",
            outcome(validation.outcome),
            f" against {PurePath(validation.against).name}{_day(validation)}: "
            f"{headline(validation)}.",
        ),
        "" if validation.is_on(_sha256(contents)) else element("p", ANOTHER_MODEL, class_="notice"),
        table(_caption(validation), _HEAD, rows),
        _advice(validation),
        _earlier(contents, validation),
        "" if validation.replay is None else _mixed_workload(validation.replay),
        "" if validation.sensor is None else _sensor(validation.sensor),
    )


def _day(validation: Validation) -> str:
    return "" if validation.date is None else f" on {validation.date}"


def _advice(validation: Validation) -> Html:
    """Show each cause that keeps a curve from PASS once, with the curves that it concerns."""
    items = []
    for one in advice(validation):
        findings = [element("li", text) for text in one.findings]
        items.append(element("li", one.what, element("ul", *findings) if findings else ""))
    left_out = [
        element("li", f"{name_of(curve, validation.curves)}: {sentence}")
        for curve in validation.curves
        for sentence in curve.left_out
    ]
    found = [*items, *left_out]
    return element("ul", *found) if found else joined()


def _earlier(contents: Contents, validation: Validation) -> Html:
    """Show the verdicts that this one took the place of, the newest first."""
    before = contents.earlier.get(validation.against, ())
    if not before:
        return joined()
    stricter = any(validation.is_laxer_than(one) for one in before)
    notice = element("p", LAXER, class_="notice") if stricter else ""
    rows = [
        (
            one.date,
            outcome(one.outcome),
            percent(one.strictest) if one.curves else None,
            "this one" if one.is_on(_sha256(contents)) else "an earlier one",
        )
        for one in reversed(before)
    ]
    head = ("date", "outcome", "strictest limit", "model")
    return joined(notice, table("Earlier verdicts", head, rows))


def _sha256(contents: Contents) -> str | None:
    return None if contents.model is None else contents.model.sha256


def _mixed_workload(replay: MixedWorkloadVerdict) -> Html:
    """Show the predicted and the measured energy of the mixed workload."""
    half = "" if replay.measured_ci95_j is None else f" ± {significant(replay.measured_ci95_j)}"
    parts = (
        ("outcome", outcome(replay.outcome)),
        ("measured (J)", joined(significant(replay.measured_j), half)),
        ("predicted (J)", significant(replay.predicted_j)),
        ("of which idle gaps (J)", significant(replay.gap_j)),
        ("predicted / measured less 1", percent(replay.error)),
        ("limit", percent(replay.limit)),
        ("time whose energy is known", percent(replay.power_coverage)),
        ("by", replay.energy_source),
        ("reason", "; ".join([replay.reason, *replay.marks])),
    )
    caption = f"Energy of a mixed workload of {replay.stretches} segments"
    return table(caption, ("what", "value"), parts)


def _sensor(sensor: Sensor) -> Html:
    gain = "not known" if sensor.gain_uncertainty is None else f"±{sensor.gain_uncertainty:.0%}"
    return element(
        "p",
        f"Scale of the sensor ({sensor.energy_source}), in no error above: {gain}; "
        f"{sensor.gain_reason}.",
        class_="muted",
    )


def _missing(lack: str, *stages: str) -> Html:
    """Name what is missing, and the commands, for the page's folder, that make it."""
    commands = [element("code", f"moeprof {stage} .") for stage in (*stages, "report")]
    then = [joined(", then ", command) for command in commands[1:]]
    return element(
        "p", lack, " In the folder of this page: ", commands[0], *then, ".", class_="notice"
    )


def _caption(validation: Validation) -> str:
    return (
        f"Errors of {validation.model} on n points that the fit had not seen: "
        f"{ERROR}. Under the median, its 95 % interval; 1-8, 9-64 and 65+: the median at these "
        "batch sizes, and under it the largest; bias: the median of predicted / measured less 1; "
        "floor: what two repeats of one point differ by in the median; inside: % of the points "
        "within the model's intervals of 50, 80 and 95 %; width: how many times too "
        "wide or too narrow those of 95 % are; limits: of the median, of 19 in 20 sizes, and of "
        "the worst"
    )


def _row(name: str, curve: CurveVerdict) -> tuple[object, ...]:
    quality = curve.intervals
    shares = (curve.coverage_50, curve.coverage_80, curve.coverage_95)
    inside = ("—" if share is None else in_percent(share, decimals=0) for share in shares)
    low, high = percent(curve.median_lo), percent(curve.median_hi)
    return (
        f"{name}, {curve.metric}",
        outcome(curve.outcome),
        curve.n,
        _above(percent(curve.median), f"{low} to {high}" if low and high else None),
        percent(curve.p95),
        percent(curve.max),
        *(_band(curve, band) for band in BANDS),
        percent(curve.bias),
        percent(curve.floor),
        "/".join(inside),
        None if quality is None else width_in_words(quality.times_too_wide),
        _limits(curve),
    )


def _band(curve: CurveVerdict, name: str) -> object:
    found = next((band for band in curve.bands if band.name == name), None)
    return None if found is None else _above(percent(found.median), percent(found.worst))


def _above(value: str | None, under: str | None) -> object:
    """Put a second value in small type under the first, where there is one."""
    return value if under is None else joined(value, element("span", under, class_="under"))


def _limits(curve: CurveVerdict) -> str:
    limits = curve.limits
    shown = (curve.limit,) if limits is None else (limits.median, limits.p95, limits.worst)
    return " / ".join(f"{100 * limit:.4g}" for limit in shown) + " %"
