"""A verdict in words: one line, and advice grouped by its cause."""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from ..percent import percent
from .parts import Cause, Finding, Outcome
from .verdict import CurveVerdict, Validation

_WAYS_OUT: Final = MappingProxyType(
    {
        Cause.ERROR: "beyond the limit",
        Cause.NOISE: "too noisy to tell: measure again on a quieter machine",
        Cause.STRADDLE: "too few sizes to tell: `validate --against` a run with more sizes",
        Cause.FEW: "too few sizes held out: profile at least 24 batch sizes",
        Cause.UNSEEN: "not judged: profile again, or validate --against a run with such sizes",
    }
)


@dataclass(frozen=True, slots=True)
class Advice:
    """What to do about one cause, and the findings with that cause, a line each."""

    what: str
    findings: tuple[str, ...]


def headline(verdict: Validation) -> str:
    """Say what a verdict comes to, in one line without the outcome and the names of the runs."""
    parts = [_counted(verdict)]
    if verdict.shift is not None and verdict.shift.told:
        parts.insert(0, f"the machine or the build changed, {_change(verdict.shift.common)}")
    if verdict.replay is not None and verdict.replay.outcome is not Outcome.PASS:
        parts.append(f"mixed workload {verdict.replay.outcome}")
    return "; ".join(parts)


def advice(verdict: Validation) -> list[Advice]:
    """Group what a verdict found by cause, the gravest first; then what is wrong with intervals."""
    found: defaultdict[Cause, defaultdict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for curve in verdict.curves:
        for finding in _gravest(curve):
            found[finding.cause][finding.reason].append(name_of(curve, verdict.curves))
    groups = [
        Advice(what, tuple(f"{', '.join(names)}: {why}" for why, names in found[cause].items()))
        for cause, what in _WAYS_OUT.items()
        if cause in found
    ]
    return [*_shift(verdict), *groups, *_intervals(verdict)]


def name_of(curve: CurveVerdict, among: Sequence[CurveVerdict]) -> str:
    """Name a curve by its operation, by its active experts where there are several, by its metric.

    Latency is not named.
    """
    several = sum(one.op == curve.op and one.metric == curve.metric for one in among) > 1
    experts = re.search(r"-a(\d+)(-|$)", curve.curve) if several else None
    name = f"{curve.op}, {experts[1]} active" if experts else curve.op
    return name if curve.metric == "latency" else f"{name} {curve.metric}"


def _counted(verdict: Validation) -> str:
    """Count the curves with the outcome of the whole; one alone is named."""
    curves = verdict.curves
    noun = "curves" if len(verdict.limits) < 2 else "comparisons"
    told = [curve for curve in curves if curve.outcome is verdict.outcome]
    if verdict.outcome is Outcome.PASS or not told:
        passed = sum(curve.outcome is Outcome.PASS for curve in curves)
        at = f" at {100 * verdict.strictest:.4g} %" if curves else ""
        return f"{passed} of {len(curves)} {noun} pass{at}"
    failed = verdict.outcome is Outcome.FAIL
    what = ("fails" if len(told) == 1 else "fail") if failed else "undecided"
    named = f": {name_of(told[0], curves)}" if len(told) == 1 else ""
    return f"{len(told)} of {len(curves)} {noun} {what}{named}"


def _gravest(curve: CurveVerdict) -> Iterator[Finding]:
    """The findings with a curve's own outcome, on all sizes and in each band.

    Of several with one cause the first is taken: the others follow from it.
    """
    bands = curve.bands if curve.n else ()
    for findings in (curve.findings, *(band.findings for band in bands)):
        alike = [one for one in findings if one.outcome is curve.outcome]
        yield from {one.cause: one for one in reversed(alike)}.values()


def _shift(verdict: Validation) -> Iterator[Advice]:
    """Say how another run differs as a whole, and which curves changed by themselves."""
    shift = verdict.shift
    if shift is None or not (shift.told or shift.alone):
        return
    names = {
        curve.curve: name_of(curve, verdict.curves)
        for curve in verdict.curves
        if curve.metric == "latency"
    }
    alone = tuple(f"{names[curve]}: {_change(by)}" for curve, by in shift.alone.items())
    if shift.told:
        what = f"the machine or the build changed: most curves take {_change(shift.common)}"
        yield Advice(f"{what}; profile anew for today's times", ())
    if alone:
        by = "by themselves" if shift.common is not None else "by different amounts"
        yield Advice(f"changed {by} since the model's run, or the model is wrong", alone)


def _intervals(verdict: Validation) -> Iterator[Advice]:
    """Say of which curves, or of all together, the intervals are too wide or too narrow.

    Not where the machine or the build changed, which no interval covers.
    """
    if verdict.shift is not None and verdict.shift.told:
        return
    of_all = {metric: one.remark for metric, one in verdict.intervals.items() if one.remark}
    lines = [f"{metric} of all curves: {remark}" for metric, remark in of_all.items()]
    lines += [
        f"{name_of(curve, verdict.curves)}: {curve.intervals.remark}"
        for curve in verdict.curves
        if curve.metric not in of_all and curve.intervals is not None and curve.intervals.remark
    ]
    if lines:
        yield Advice("the intervals do not fit the errors", tuple(lines))


def _change(by: float | None) -> str:
    """Write a relative change of time, as `8.5 % more time`."""
    share = by or 0.0
    return f"{percent(abs(share), decimals=1)} % {'more' if share >= 0 else 'less'} time"
