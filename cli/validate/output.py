"""What `moeprof validate` prints of a verdict, within 80 columns."""

from math import expm1
from typing import TYPE_CHECKING

from ...store.percent import percent
from ...store.verdicts.summary import BANDS, advice, headline, name_of, width_in_words
from .. import render

if TYPE_CHECKING:
    from ...store.verdicts.parts import BandVerdict
    from ...store.verdicts.verdict import CurveVerdict, MixedWorkloadVerdict, Sensor, Validation


def show_verdict(verdict: "Validation") -> None:
    """Show a verdict in one line, then its tables, then the advice, each cause once."""
    what = f"{verdict.model} against {verdict.against}"
    render.paragraph(f"{verdict.outcome}: {what}: {headline(verdict)}")
    for metric in dict.fromkeys(curve.metric for curve in verdict.curves):
        judged = [curve for curve in verdict.curves if curve.metric == metric]
        _show_errors(judged)
        _show_intervals(judged, verdict.against)
    if verdict.replay is not None:
        _show_replay(verdict.replay)
    _say_advice(verdict)
    for curve in verdict.curves:
        for sentence in curve.left_out:
            render.paragraph(f"{name_of(curve, verdict.curves)}: {sentence}")
    for metric, reason in verdict.unmeasured.items():
        render.paragraph(f"{metric}: not validated: {reason}")
    if verdict.sensor is not None:
        _say_sensor(verdict.sensor)


def _say_advice(verdict: "Validation") -> None:
    for one in advice(verdict):
        render.paragraph(f"{one.what}{':' if one.findings else ''}")
        for line in one.findings:
            render.paragraph(line, indent="  ")
    if verdict.replay is not None:
        render.paragraph(f"mixed workload: {verdict.replay.outcome}: {verdict.replay.reason}")
        for flag in verdict.replay.marks:
            render.warn(f"mixed workload: {flag}")


def _show_errors(judged: "list[CurveVerdict]") -> None:
    first = judged[0]
    limits = [first.limit]
    if first.limits is not None:
        limits = [first.limits.median, first.limits.p95, first.limits.worst, first.limits.band]
    names = ("median", "p95", "worst", "median of a band")
    told = ", ".join(f"{n} {100 * v:.4g}" for n, v in zip(names, limits, strict=False))
    render.table(
        f"Error of {first.metric} in %; limits: {told}",
        ["op", "#median", "#p95", "#worst", *(f"#{band}" for band in BANDS), "#floor", "verdict"],
        [
            [
                name_of(curve, judged),
                *map(render.percent, (curve.median, curve.p95, curve.max)),
                *(_band_median(curve.bands, name) for name in BANDS),
                render.percent(curve.floor),
                curve.outcome,
            ]
            for curve in judged
        ],
    )


def _band_median(bands: "tuple[BandVerdict, ...]", name: str) -> str:
    return next((render.percent(band.median) for band in bands if band.name == name), "-")


def _show_intervals(judged: "list[CurveVerdict]", against: str) -> None:
    within = " within the run" if against == "holdout" else ""
    render.table(
        f"Intervals of {judged[0].metric}{within}: % of n sizes inside those of 50, 80, 95 %",
        ["op", "#n", "#bias %", "#inside", "#+ % at 95", "#score", "#width (times)"],
        [
            [name_of(curve, judged), str(curve.n), render.percent(curve.bias), *_quality(curve)]
            for curve in judged
        ],
    )


def _quality(curve: "CurveVerdict") -> list[str]:
    """Coverage, width and score of a curve's intervals."""
    shares = (curve.coverage_50, curve.coverage_80, curve.coverage_95)
    inside = "/".join("-" if share is None else percent(share, decimals=0) for share in shares)
    if (found := curve.intervals) is None:
        return [inside, "-", "-", "-"]
    return [
        inside,
        render.percent(expm1(found.half_width_95)),
        render.number(found.score_95, 3),
        width_in_words(found.times_too_wide),
    ]


def _show_replay(replay: "MixedWorkloadVerdict") -> None:
    limit = f"the sum may be off by {100 * replay.limit:.4g} %"
    measured = render.number(replay.measured_j, 5)
    if replay.measured_ci95_j is not None:
        measured = f"{measured} ± {replay.measured_ci95_j:.2g}"
    render.table(
        f"Mixed workload: {replay.stretches} segments, by {replay.energy_source}; {limit}",
        ["part", "#s", "#predicted J", "#measured J", "#error %", "verdict"],
        [
            ["launches", _busy_s(replay), render.number(replay.launches_j, 5), "", "", ""],
            ["gaps, idle", *map(render.number, (replay.gap_s, replay.gap_j)), "", "", ""],
            [
                "sum",
                render.number(replay.window_s),
                render.number(replay.predicted_j, 5),
                measured,
                render.percent(replay.error),
                replay.outcome,
            ],
        ],
    )


def _busy_s(replay: "MixedWorkloadVerdict") -> str:
    if replay.window_s is None or replay.gap_s is None:
        return "-"
    return render.number(replay.window_s - replay.gap_s)


def _say_sensor(sensor: "Sensor") -> None:
    gain = "not known" if sensor.gain_uncertainty is None else f"±{sensor.gain_uncertainty:.0%}"
    render.paragraph(
        f"scale of the sensor ({sensor.energy_source}), in no error above: {gain};"
        f" {sensor.gain_reason}"
    )
