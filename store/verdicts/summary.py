"""A verdict in words: one line, and advice grouped by its cause."""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from ..percent import percent
from ..text.listed import listed
from .parts import Cause, Disturbed, Finding, Outcome, RunShift
from .verdict import CurveVerdict, Validation, disturbed_sizes

_WAYS_OUT: Final = MappingProxyType(
    {
        Cause.ERROR: "beyond the limit",
        Cause.NOISE: "too noisy to tell: measure again on a quieter machine, which --wait 10m"
        " waits for",
        Cause.STRADDLE: "too few sizes to tell: profile once more, and `validate --against` that"
        " run, which compares all of its sizes",
        Cause.FEW: "too few sizes held out: profile at least 24 batch sizes",
        Cause.UNSEEN: "not judged: profile again, or validate --against a run with such sizes",
    }
)


BANDS: Final = ("1-8", "9-64", "65+")  # names of the bands, as columns


@dataclass(frozen=True, slots=True)
class Advice:
    """What to do about one cause, and the findings with that cause, a line each."""

    what: str
    findings: tuple[str, ...]


def headline(verdict: Validation) -> str:
    """Say what a verdict comes to, in one line without the outcome and the names of the runs."""
    parts = [_counted(verdict)]
    shift = verdict.shift
    if shift is not None and shift.told:
        quiet = _disturbed_side(verdict, shift) is None
        why = "the machine or the build changed" if quiet else "the machine was not quiet"
        parts.insert(0, f"{why}, {_change(shift.common)}")
    if verdict.disturbed.count:
        parts.append(f"{_disturbed(verdict.disturbed)} measured while the machine was not quiet")
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
        Advice(
            f"{_WAYS_OUT[cause]}{_or_disturbed(verdict, cause)}",
            tuple(f"{listed(names)}: {why}" for why, names in found[cause].items()),
        )
        for cause in _WAYS_OUT
        if cause in found
    ]
    return [*_shift(verdict), *groups, *_intervals(verdict)]


def _or_disturbed(verdict: Validation, cause: Cause) -> str:
    """What else may be the cause of an error, where most sizes were disturbed."""
    if cause is not Cause.ERROR or not verdict.disturbed.is_most:
        return ""
    return ", maybe only because the machine was not quiet: measure again with --wait 10m"


def width_in_words(times_too_wide: float) -> str:
    """Write the factor of IntervalQuality as `1.9 too wide`, `3.1 too narrow` or `as needed`."""
    times = f"{max(times_too_wide, 1 / times_too_wide):.2g}"
    if times == "1":
        return "as needed"
    return f"{times} too {'wide' if times_too_wide > 1 else 'narrow'}"


def name_of(curve: CurveVerdict, among: Sequence[CurveVerdict]) -> str:
    """Name a curve by its operation, and by its metric where that is not latency.

    Of several curves of one operation each has its active experts too, or else its whole name.
    """
    name = curve.op
    if sum(one.op == curve.op and one.metric == curve.metric for one in among) > 1:
        experts = re.search(r"-a(\d+)(-|$)", curve.curve)
        name = f"{curve.op}, {experts[1]} active" if experts else curve.curve
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

    Of several with one cause the first is taken, and what is found on all sizes is not told of
    bands too: the others follow from it.
    """
    whole = _by_cause(curve.findings, curve.outcome)
    yield from whole.values()
    for band in curve.bands if curve.n else ():
        found = _by_cause(band.findings, curve.outcome)
        yield from (one for cause, one in found.items() if cause not in whole)


def _by_cause(findings: Sequence[Finding], outcome: Outcome) -> dict[Cause, Finding]:
    """The first finding of each cause, of those with an outcome."""
    return {one.cause: one for one in reversed(findings) if one.outcome is outcome}


def _shift(verdict: Validation) -> Iterator[Advice]:
    """Say how another run differs as a whole, and which curves changed by themselves."""
    shift = verdict.shift
    if shift is None:
        return
    side = _disturbed_side(verdict, shift)
    if shift.told:
        yield Advice(_common_change(shift, side), ())
    if shift.alone:
        yield _changed_alone(verdict, shift, side)


def _common_change(shift: RunShift, disturbed: str | None) -> str:
    """Say by how much most curves changed, and what the likelier cause is."""
    what = f"most curves take {_change(shift.common)}"
    if disturbed is None:
        return f"the machine or the build changed: {what}; profile anew for today's times"
    return f"{what}, and {disturbed}: the likelier cause; measure again with --wait 10m"


def _changed_alone(verdict: Validation, shift: RunShift, disturbed: str | None) -> Advice:
    """Name the curves that changed otherwise, with what is left of it beside the common change."""
    of_latency = [curve for curve in verdict.curves if curve.metric == "latency"]
    names = {curve.curve: name_of(curve, verdict.curves) for curve in of_latency}
    by = "by different amounts" if shift.common is None else "by themselves"
    beside = " beside that" if shift.told else ""
    or_else = "" if disturbed is None else f", or {disturbed}"
    return Advice(
        f"changed {by}{beside} since the model's run, or the model is wrong{or_else}",
        tuple(f"{names[c]}: {_change(shift.beside(own))}" for c, own in shift.alone.items()),
    )


def _disturbed_side(verdict: Validation, shift: RunShift) -> str | None:
    """Say of which of two runs most sizes were disturbed; None where of neither."""
    compared = disturbed_sizes(one for one in verdict.curves if one.metric == "latency")
    sides = {"compared": compared, "of the model's own run": shift.own_sizes}
    for whose, sizes in sides.items():
        if sizes is not None and sizes.is_most:
            return f"the machine was not quiet at {sizes.count} of {sizes.n} sizes {whose}"
    return None


def _disturbed(sizes: Disturbed) -> str:
    verb = "was" if sizes.n == 1 else "were"
    return f"{sizes.count} of {sizes.n} sizes {verb}"


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
