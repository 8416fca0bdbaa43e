"""The verdict on the model: its errors on points that the fit had not seen."""

from pathlib import PurePath
from typing import Final

from ..store.verdict import (
    ANOTHER_MODEL,
    CurveVerdict,
    MixedWorkloadVerdict,
    Outcome,
    Sensor,
    Validation,
)
from .contents import Contents
from .markup import Html, element, joined, table
from .quantities import percent, significant

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
    passed = sum(curve.outcome is Outcome.PASS for curve in validation.curves)
    return joined(
        element(
            "p",
            outcome(validation.outcome),
            f" {passed} of {len(validation.curves)} curves are within their limit, "
            f"against {PurePath(validation.against).name}.",
        ),
        "" if validation.is_on(_sha256(contents)) else element("p", ANOTHER_MODEL, class_="notice"),
        table(_caption(validation), _HEAD, rows),
        "" if validation.replay is None else _mixed_workload(validation.replay),
        "" if validation.sensor is None else _sensor(validation.sensor),
    )


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
        ("error", percent(replay.error)),
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
        f"Relative errors of {validation.model} on n points that the fit had not seen. Under the "
        "median, its 95 % interval; floor: what two repeats of one point differ by in the median; "
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
