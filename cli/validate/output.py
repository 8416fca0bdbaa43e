"""What `moeprof validate` prints of a verdict, within 80 columns."""

import re
from typing import TYPE_CHECKING

from ...store.percent import percent
from .. import render

if TYPE_CHECKING:
    from ...store.verdict import CurveVerdict, MixedWorkloadVerdict, Sensor, Validation


def show_verdict(verdict: "Validation") -> None:
    """Show the tables of a verdict, then the reasons in words."""
    render.say(f"{verdict.outcome}: {verdict.model} against {verdict.against}")
    for metric in dict.fromkeys(curve.metric for curve in verdict.curves):
        _show_metric([curve for curve in verdict.curves if curve.metric == metric])
    if verdict.replay is not None:
        _show_replay(verdict.replay)
    render.say("inside: % of the points within the model's intervals of 50, 80 and 95 %")
    for curve in verdict.curves:
        errors = f"MAPE {_pct(curve.mape)}, max {_pct(curve.max)}; " if curve.n else ""
        name = _name(curve, [one for one in verdict.curves if one.metric == curve.metric])
        render.say(f"{name} {curve.metric}: {curve.outcome}: {errors}{curve.reason}")
    if verdict.replay is not None:
        render.say(f"mixed workload: {verdict.replay.outcome}: {verdict.replay.reason}")
        for flag in verdict.replay.marks:
            render.warn(f"mixed workload: {flag}")
    for metric, reason in verdict.unmeasured.items():
        render.say(f"{metric}: not validated: {reason}")
    if verdict.sensor is not None:
        _say_sensor(verdict.sensor)


def _show_metric(judged: "list[CurveVerdict]") -> None:
    first = judged[0]
    columns = "#n #median #p95 #bias #inside #floor verdict"
    render.table(
        f"Error of {first.metric} in %; the median may be {100 * first.limit:.4g}",
        ["op", *columns.split()],
        [
            [
                _name(curve, judged),
                str(curve.n),
                *map(render.percent, (curve.median, curve.p95, curve.bias)),
                _coverage(curve),
                render.percent(curve.floor),
                curve.outcome,
            ]
            for curve in judged
        ],
    )


def _name(curve: "CurveVerdict", among: "list[CurveVerdict]") -> str:
    """Name a curve by its operation, and by its active experts where there are several."""
    found = re.search(r"-a(\d+)(-|$)", curve.curve)
    several = sum(one.op == curve.op for one in among) > 1
    return f"{curve.op}, {found[1]} active" if several and found else curve.op


def _pct(share: float | None) -> str:
    return f"{render.percent(share)} %"


def _coverage(curve: "CurveVerdict") -> str:
    """Shares of the points inside the intervals of 50, 80 and 95 %, in percent."""
    shares = (curve.coverage_50, curve.coverage_80, curve.coverage_95)
    return "/".join("-" if share is None else percent(share, decimals=0) for share in shares)


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
    render.say(
        f"scale of the sensor ({sensor.energy_source}), in no error above: {gain};"
        f" {sensor.gain_reason}"
    )
