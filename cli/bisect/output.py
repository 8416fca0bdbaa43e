"""What `moeprof bisect` prints of its answer, within 80 columns."""

from itertools import accumulate
from typing import TYPE_CHECKING

from .. import render

if TYPE_CHECKING:
    from ...pipeline.bisect.bisect import PlannedBisection
    from ...store.verdicts.bisection import Bisection, Effect

_SHORT = 10  # digits of a commit
_SHOWN = 8  # suspects
_ROUNDING = 1e-9  # rounding error of sums of probabilities


def show_plan(planned: "PlannedBisection") -> None:
    """Print how many readings and builds a bisection is expected to take."""
    more = "more than" if planned.expected.is_cut else "about"
    render.text(
        f"{planned.commits} commits, a change of {planned.effect:.1%}, readings that differ by"
        f" {planned.noise:.1%}:\n{more} {planned.expected.readings:.0f} readings of"
        f" {planned.expected.builds:.0f} commits; one time in ten more than"
        f" {planned.expected.readings_p90:.0f}\n"
    )


def show_bisection(found: "Bisection") -> None:
    """Print the answer in a sentence, the commits that it may be, and what was read."""
    from ...store.verdicts.bisection import Outcome

    render.paragraph(_headline(found))
    if found.outcome is not Outcome.NO_DIFFERENCE and found.suspects:
        render.table(
            "Commits that may have made the change",
            ["commit", "#probability", "subject"],
            [
                [one.commit[:_SHORT], f"{one.probability:.1%}", one.subject]
                for one in found.suspects[:_SHOWN]
            ],
        )
        left = len(found.suspects) - _SHOWN
        if left > 0:
            render.say(f"and {left} more")
    for lost in found.not_read:
        render.paragraph(f"{lost.commit[:_SHORT]} could not be read: {lost.reason}")
    reused = f", {found.reused} of them from an earlier start" if found.reused else ""
    noise = "" if found.noise is None else f" that differ by {found.noise:.1%}"
    spikes = f", {found.spikes} of them spikes" if found.spikes else ""
    render.paragraph(f"{found.readings} readings{noise}, of {found.builds} commits{spikes}{reused}")
    if found.stat:
        render.text(found.stat + "\n")


def _headline(found: "Bisection") -> str:
    from ...store.verdicts.bisection import Outcome

    ends = "" if found.ends is None else ratio(found.ends)
    if found.outcome is Outcome.NO_DIFFERENCE:
        return f"no difference between the ends: BAD is {ends} GOOD{_shown(found)}"
    if found.outcome is Outcome.BUDGET:
        return f"the budget is spent: {_so_far(found, ends)}"
    effect = "" if found.effect is None else ratio(found.effect)
    if found.outcome is Outcome.SEVERAL:
        return (
            f"BAD is {ends} GOOD, and the likeliest commit only {effect} the one before it:"
            " several commits share the change; bisect each side of it"
        )
    sure = found.probability or 0.0
    alike = _alike(found)
    if alike > 1:
        return (
            f"one of {alike} commits made the change, with a probability of {sure:.1%}; all but the"
            f" last cannot be read, and that is {effect} the one before the first"
        )
    name = found.suspects[0].commit[:_SHORT]
    return (
        f"{name} is the first commit with the change, with a probability of"
        f" {sure:.1%}: it is {effect} the one before it, and BAD is {ends} GOOD"
    )


def _alike(found: "Bisection") -> int:
    """How many of the first suspects no reading tells apart."""
    sums = accumulate(one.probability for one in found.suspects)
    return 1 + sum(one < (found.probability or 0.0) - _ROUNDING for one in sums)


def _so_far(found: "Bisection", ends: str) -> str:
    if not ends:
        return "the ends were not compared yet"
    if found.rest_readings is not None:
        return f"BAD is {ends} GOOD; about {found.rest_readings:.0f} more readings find the commit"
    return f"BAD is {ends} GOOD{_shown(found)}"


def _shown(found: "Bisection") -> str:
    if found.detectable is None:
        return ""
    return f"; so many readings show a change of {found.detectable:.1%} in four cases of five"


def ratio(effect: "Effect") -> str:
    """A ratio with its 95 % interval."""
    return f"{effect.ratio:.3f} ({effect.lo:.3f} to {effect.hi:.3f}) times"
