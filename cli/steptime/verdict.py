"""What `moeprof steptime validate` prints of a verdict, within 80 columns."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from ...store.percent import percent
from ...store.text.counted import counted
from .. import render

if TYPE_CHECKING:
    from ...store.verdicts.step_validation import (
        Estimate,
        GroupScore,
        QuantityVerdict,
        StepValidation,
    )

_NAME: Final = 15  # characters that the numbers leave of 80
_BASELINES: Final = {
    "roofline": "roof-\nline",
    "blackbox": "black-\nbox",
    "median power of the GPU's type": "type's\nmedian",
}
# What fits are made of, by what --leave-one names.
_FITS: Final = {
    "": "of all rows",
    "configuration": "without a tenth of the configurations",
    "model": "without one model",
    "gpu": "without one type of GPU",
    "ngpu": "without one number of GPUs",
    "engine": "without one engine",
    "dense": "of dense models alone",
    "time": "of the first 80 % in time",
}


def show_verdict(verdict: "StepValidation") -> None:
    """Show each quantity with its groups and what keeps it from PASS, then the whole."""
    for reason, count in verdict.refused.items():
        render.warn(f"{counted(count, 'row')} refused: {reason}")
    if verdict.fitted_rows:
        render.warn(
            f"{counted(verdict.fitted_rows, 'row')} left out, to which {verdict.model} was fitted"
        )
    for one in verdict.quantities:
        _show(one)
    for quantity, why in verdict.unjudged.items():
        render.paragraph(f"not judged: {quantity}: {why}")
    what = verdict.model or f"fits {_FITS[verdict.left_out or '']}"
    outcomes = ", ".join(f"{one.quantity} {one.outcome}" for one in verdict.quantities)
    render.paragraph(f"{verdict.outcome}: {what} on {verdict.data}: {outcomes}")


def _show(verdict: "QuantityVerdict") -> None:
    whole, limits = verdict.whole, verdict.limits
    baselines = list(whole.baselines)
    render.table(
        f"{verdict.quantity}: {verdict.outcome}, {counted(whole.rows, 'row')} of"
        f" {counted(whole.configurations, 'configuration')}",
        [
            "errors in %\ngroup",
            "#rows",
            "#median\n(95 %)",
            "#p90",
            f"#MAE\n{verdict.unit}",
            "#bias",
            "#90 %\nholds",
            *(f"#{_BASELINES.get(name, name)}" for name in baselines),
        ],
        list(_rows(verdict, baselines)),
        dense=True,
    )
    limit = (
        f"{verdict.quantity}, limits of all rows: median {_pct(limits.median)} %, p90"
        f" {_pct(limits.p90)} %, intervals of 90 % hold {percent(limits.coverage, 0)} %:"
        f" {limits.source}"
    )
    render.paragraph(limit, indent="  ")
    for found in verdict.findings:
        render.paragraph(f"{found.outcome}: {found.reason}", indent="  ")


def _rows(verdict: "QuantityVerdict", baselines: list[str]) -> "Iterator[list[str | render.Lines]]":
    """A row for each group, with an empty one between groupings.

    A group that has all rows says nothing new, and is in --json alone.
    """
    whole, by = verdict.whole, verdict.whole.by
    for score in verdict.scores:
        if score is not whole and score.rows == whole.rows:
            continue
        if score.by != by:
            yield [""]
            by = score.by
        yield _row(score, baselines)


def _row(score: "GroupScore", baselines: list[str]) -> "list[str | render.Lines]":
    return [
        render.name_lines(score.group, _NAME),
        f"{score.rows:,}",
        _with_interval(score.median),
        _pct(score.p90.value),
        render.number(score.mae, 3),
        _pct(score.bias.value),
        "-" if score.coverage is None else _pct(score.coverage.value),
        *(_pct(score.baselines[name]) for name in baselines),
    ]


def _with_interval(found: "Estimate") -> str:
    if found.low is None or found.high is None:
        return f"{_pct(found.value)} (few)"
    return f"{_pct(found.value)} ({percent(found.low, 0)}-{percent(found.high, 0)})"


def _pct(share: float) -> str:
    """Percent with one decimal below 10, and none from 100 on."""
    return percent(share, 1 if abs(share) < 1 else 0)
