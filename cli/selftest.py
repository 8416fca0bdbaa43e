"""`moeprof selftest`: what moeprof measures on this machine, claim by claim."""

import sys
from contextlib import redirect_stdout
from typing import TYPE_CHECKING, Annotated, Final

import typer

from . import render
from .options import DEFAULT_STORE, Json, Store, duration_s

if TYPE_CHECKING:
    from ..pipeline.selftest.results import Claim, Selftest

_FAIL: Final = 1
_BUDGET_SPENT: Final = 4


def selftest(
    budget: Annotated[str, typer.Option(help="End after this long, for example 8m.")] = "8m",
    store: Store = DEFAULT_STORE,
    json: Json = False,
) -> None:
    """Try all that moeprof measures here, claim by claim.

    Ends with 1 on a FAIL, and with 4 where the budget was too short.

    Without a GPU the CPU's half runs, and the rest is named. What was found is packed into one
    file to be sent.
    """
    from ..pipeline.selftest.archive import hint
    from ..pipeline.selftest.selftest import selftest as run
    from ..store.document import to_json

    with redirect_stdout(sys.stderr), render.Talk() as talk:
        result = run(store=store, budget_s=duration_s(budget), progress=talk)
    if json:
        render.text(to_json(result.selftest))
    else:
        _show(result.selftest)
    if result.unwritten is not None:
        raise result.unwritten
    for name in result.selftest.left_out:
        render.warn(f"no room in the archive: {name}")
    render.say(f"results: {result.archive}")
    if any(result.folder.glob("runs/*/plan.json")):
        render.say(f"elsewhere: {hint(result.archive)}")
    if result.selftest.has_fail:
        raise typer.Exit(_FAIL)
    if result.selftest.is_cut_short:
        raise typer.Exit(_BUDGET_SPENT)


def _show(found: "Selftest") -> None:
    rows: list[list[str | render.Lines]] = [
        [claim.outcome, (claim.claim, claim.reason), _measured(claim), _limit(claim)]
        for claim in found.claims
    ]
    counts = [f"{sum(one.outcome == word for one in found.claims)} {word}" for word in _WORDS]
    render.table(
        f"Selftest on {found.device_name or 'an unknown device'}: {', '.join(counts)}",
        ["", "claim, and what was measured of it", "#measured", "#limit"],
        rows,
    )


_WORDS: Final = ("PASS", "FAIL", "SKIP")


def _measured(claim: "Claim") -> str:
    return "-" if claim.value is None else _quantity(claim.value, claim.unit)


def _limit(claim: "Claim") -> str:
    sign = "≥" if claim.at_least else "≤"
    return f"{sign} {_quantity(claim.limit, claim.unit)}"


def _quantity(value: float, unit: str) -> str:
    """A number and its unit, "1 step" but "2 steps"."""
    if value == 1:
        unit = {"steps": "step", "runs": "run", "curves": "curve"}.get(unit, unit)
    return f"{render.number(value, 3)} {unit}".strip()
