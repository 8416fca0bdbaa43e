"""What `moeprof cost layer --best` prints: the best way to run a layer, and the Pareto front."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from ...store.errors import BadInput
from ...store.text.listed import listed
from .. import render

if TYPE_CHECKING:
    from ...pipeline.cost import CostQuery
    from ...pipeline.operating_points import Aim, BestWay, Budget, OperatingPoint

_COLUMNS = ["kernels", "#limit W", "#tokens", "#us", "#95 % to", "#W", "#mJ/token"]
_NOTHING_FITS = 1
_ROWS = 12  # a terminal shows so many points; --json has all


def show_best(
    models: Sequence[Path],
    query: "CostQuery",
    aim: "Aim",
    limits: tuple[float | None, float | None],
    every_size: bool,
    json: bool,
) -> None:
    """Look for the best way within a power in W and a time in us, and show it.

    Exits with 1 where nothing keeps to them.
    """
    from ...pipeline.operating_points import Budget, best_way

    if query.op != "layer":
        raise BadInput(f"--best is for a layer, and {query.op} is one operation")
    for option, value in zip(("--budget-w", "--within-us"), limits, strict=True):
        if value is not None and not 0 < value < float("inf"):
            raise BadInput(f"{option} is {value:g}, and it must be a number above 0")
    found = best_way(models, query, aim, Budget(*limits), every_size=every_size)
    if json:
        render.data(_data(found))
    else:
        _show(found)
    if found.best is None:
        raise typer.Exit(_NOTHING_FITS)


def _data(found: "BestWay") -> dict[str, Any]:
    """The answer for a program, with the rates of each point."""

    def point(one: "OperatingPoint | None") -> dict[str, Any] | None:
        if one is None:
            return None
        rates = ("tokens_per_second", "tokens_per_joule", "energy_mj_per_token")
        return asdict(one) | {name: getattr(one, name) for name in rates}

    ends = {"best": point(found.best), "nearest": point(found.nearest)}
    lists = {name: [point(one) for one in getattr(found, name)] for name in ("rivals", "front")}
    return asdict(found) | ends | lists


def _show(found: "BestWay") -> None:
    for reason in found.left_out:
        render.warn(f"left out: {reason}")
    if found.communication_reason is not None:
        render.say(f"nothing goes over a link: {found.communication_reason}")
    if found.best is None:
        render.error(_refusal(found.budget, found.nearest))
        return
    asked = f"best {found.aim}{_within(found.budget)}"
    render.paragraph(f"{asked}, of {found.tried} points: {_told(found.best)}")
    if found.rivals:
        render.paragraph(_undecided(found))
    shown = _some(found.front)
    models = list(dict.fromkeys(one.model for one in shown))
    if shown:
        whole = len(found.front)
        some = "" if whole == len(shown) else f", {len(shown)} of {whole}"
        render.table(
            f"Points that no other beats in both latency and energy{some}",
            [*_COLUMNS, *(("#model",) if len(models) > 1 else ())],
            [_row(one, models) for one in shown],
        )
    else:
        render.say("no front of energy against latency: no way has an energy")
    for number, model in enumerate(models, start=1):
        if len(models) > 1:
            render.say(f"model {number}: {model}")
    if any(one.estimated for one in shown):
        render.say("* estimated: what a layer takes beside its parts was fitted to other kernels")


def _undecided(found: "BestWay") -> str:
    """Name the ways that may do as well as the best one."""
    ends = [end for one in (found.best, *found.rivals) if one for end in one.bounds(found.aim)]
    why = "" if max(ends) < float("inf") else ": of some the error of the energy is not known"
    rivals = listed((_at(one, found.best) for one in found.rivals), separator="; ")
    return f"no clear winner, 95 % intervals do not tell it from {rivals}{why}"


def _row(one: "OperatingPoint", models: "Sequence[str]") -> list[str]:
    from ...pipeline.operating_points import named

    values = (one.latency_us, one.latency_us_hi, one.power_w, one.energy_mj_per_token)
    return [
        named(one) + ("*" if one.estimated else ""),
        render.number(one.power_limit_w),
        str(one.tokens),
        *map(render.number, values),
        *((str(models.index(one.model) + 1),) if len(models) > 1 else ()),
    ]


def _some(front: "Sequence[OperatingPoint]") -> "list[OperatingPoint]":
    """At most `_ROWS` of the front, its ends among them."""
    if len(front) <= _ROWS:
        return list(front)
    steps = [round(row * (len(front) - 1) / (_ROWS - 1)) for row in range(_ROWS)]
    return [front[step] for step in steps]


def _at(one: "OperatingPoint", beside: "OperatingPoint | None" = None) -> str:
    """A way of running a layer, at a batch size, in a model unless that of the point `beside`."""
    from ...pipeline.operating_points import named

    limit = "" if one.power_limit_w is None else f" at a power limit of {one.power_limit_w:g} W"
    model = "" if beside is not None and beside.model == one.model else f" ({one.model})"
    return f"{named(one)}, batch size {one.tokens}{limit}{model}"


def _told(one: "OperatingPoint") -> str:
    power = "" if one.power_w is None else f", {render.number(one.power_w)} W"
    energy, rate = one.energy_mj_per_token, render.number(one.tokens_per_second)
    joules = "" if energy is None else f", {render.number(energy)} mJ a token"
    return (
        f"{_at(one)}: {render.number(one.latency_us)} us"
        f" (95 % up to {render.number(one.latency_us_hi)})"
        f", {rate} tokens/s{power}{joules}{', estimated' if one.estimated else ''}"
    )


def _within(budget: "Budget") -> str:
    limits = (
        None if budget.power_w is None else f"at most {budget.power_w:g} W",
        None if budget.latency_us is None else f"within {budget.latency_us:g} us",
    )
    told = ", ".join(filter(None, limits))
    return f" ({told})" if told else ""


def _refusal(budget: "Budget", nearest: "OperatingPoint | None") -> str:
    told = f"no way to run the layer keeps to the budget{_within(budget)}"
    return told if nearest is None else f"{told}; the nearest: {_told(nearest)}"
