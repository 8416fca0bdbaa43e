"""The verdict on the model: how far it was off on points that it had not seen."""

from typing import Final

from ..store.verdict import CurveVerdict, Outcome, Validation
from .contents import Contents
from .markup import Html, element, joined, table
from .quantities import percent

_SIGNS: Final = {Outcome.PASS: "✓", Outcome.FAIL: "✗", Outcome.AMBIGUOUS: "?"}
_HEAD: Final = (
    "curve",
    "outcome",
    "n",
    "median",
    "p95",
    "max",
    "bias",
    "floor",
    "coverage",
    "limit",
    "reason",
)


def outcome(value: Outcome) -> Html:
    """Show an outcome in words, with a sign and a colour beside them."""
    return element("span", f"{_SIGNS[value]} {value}", class_=f"outcome {value}")


def verdict_section(contents: Contents) -> Html:
    """Show the validation by curve, or say what it lacks and how to make it."""
    validation = contents.validation
    if contents.model is None:
        return _missing("There is no cost model yet.", contents, "build-model", "validate")
    if validation is None:
        return _missing("The model has not been held against unseen points.", contents, "validate")
    names = contents.names
    rows = [
        _row(names[curve.slug], verdict) for curve in contents.curves for verdict in curve.verdicts
    ]
    passed = sum(curve.outcome is Outcome.PASS for curve in validation.curves)
    return joined(
        element(
            "p",
            outcome(validation.outcome),
            f" {passed} of {len(validation.curves)} curves are within their limit, "
            f"against {validation.against}.",
        ),
        table(_caption(validation), _HEAD, rows),
    )


def _missing(lack: str, contents: Contents, *stages: str) -> Html:
    commands = [element("code", f"moeprof {stage} {contents.folder}") for stage in stages]
    then = [joined(", then ", command) for command in commands[1:]]
    return element("p", lack, " Make it: ", commands[0], *then, ".", class_="notice")


def _caption(validation: Validation) -> str:
    return (
        f"Relative errors of {validation.model} on n points that the fit had not seen. Under the "
        "median, its 95 % interval; floor: what two visits of one point differ by in the median; "
        "coverage: the share of points within the model's 95 % interval"
    )


def _row(name: str, curve: CurveVerdict) -> tuple[object, ...]:
    low, high = percent(curve.median_lo), percent(curve.median_hi)
    interval = element("span", f"{low} to {high}", class_="under") if low and high else None
    return (
        f"{name}, {curve.metric}",
        outcome(curve.outcome),
        curve.n,
        joined(percent(curve.median), interval) if interval else percent(curve.median),
        percent(curve.p95),
        percent(curve.max),
        percent(curve.bias),
        percent(curve.floor),
        percent(curve.coverage_95),
        percent(curve.limit),
        curve.reason,
    )
