"""How far a fit is off, in a terminal of 80 columns."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from ...store.text.counted import counted
from .. import render
from .delay_output import show_delays
from .kernel_output import show_kernels

if TYPE_CHECKING:
    from ...store.serving.step_model_summary import StepModelSummary, StepsSummary
    from ...store.serving.step_time_model import EnergyScore, MethodScore

_KINDS: Final = {"mean": "mean steps", "decode": "steps that decode alone"}


def show_fit(found: "StepModelSummary") -> None:
    """Show how far each form and the energy are off where no fit saw the configuration.

    Of fits with measured kernels and of delays, also what these are worth.
    """
    _show_errors(found)
    for one in found.steps:
        for sentence in _of_steps(one):
            render.paragraph(sentence)
        if one.kernels is not None:
            show_kernels(_KINDS[one.kind], one.kernels)
    for quantity, why in found.absent.items():
        render.paragraph(f"no fit of {_KINDS.get(quantity, quantity)}: {why}")
    if found.queue is not None:
        show_delays(found.queue)


def _show_errors(found: "StepModelSummary") -> None:
    rows = [row for one in found.steps for row in _forms(one)]
    if found.power is not None:
        of = str(found.power.rows)
        scores = {"power": found.power.at_measured_step, "J/token": found.power.j_per_token}
        rows += [_row(name, "shares of TDP", of, score) for name, score in scores.items()]
    if rows:
        render.table(
            "Errors of configurations that no fit saw, in %; 90 % lie within the factor",
            ["of", "form", "#rows", "#median", "#p90", "#bias", "#factor", "predicts"],
            rows,
        )


def _forms(one: "StepsSummary") -> Iterator[list[str]]:
    """A row for each form, the one that predicts first."""
    for name, score in sorted(one.scores.items(), key=lambda form: form[0] != one.method):
        predicts = name == one.method
        factor = _factor(one.factor) if predicts else ""
        of, mark = (f"{one.kind} steps", "yes") if predicts else ("", "")
        yield [of, name, str(score.rows), *_errors(score), factor, mark]


def _row(name: str, form: str, rows: str, score: "EnergyScore") -> list[str]:
    return [name, form, rows, *_errors(score), _factor(score.factors.get("90")), "yes"]


def _errors(score: "EnergyScore | MethodScore") -> list[str]:
    return [f"{100 * value:.1f}" for value in (score.median, score.p90, score.bias)]


def _factor(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _of_steps(one: "StepsSummary") -> Iterator[str]:
    yield f"{one.kind} steps: {one.rows:,} rows of {counted(one.configurations, 'configuration')}"
    if one.unseen_factors:
        each = ", ".join(f"the {what} {value:.2f}" for what, value in one.unseen_factors.items())
        yield f"factors of {one.kind} steps where what is asked for has no rows: {each}"
    if lacking := [kind for kind in ("model", "GPU", "engine") if kind not in one.unseen_factors]:
        yield (
            f"{one.kind} steps have rows of too few to tell how far a new {', '.join(lacking)} is"
            " off: three are the fewest"
        )
    if one.own_configurations:
        yield (
            f"{one.own_configurations} of these configurations are predicted by their own rows too"
        )
