"""A bisection's answer in words and numbers that stay: shares, ratios, commits by their names."""

from collections.abc import Sequence
from math import exp
from typing import Final

import numpy as np

from ...compare.bisection.decision import Decision, Phase
from ...compare.bisection.expected import rest
from ...compare.bisection.spikes import is_spike
from ...stats.sequential import Difference
from ...store.verdicts.bisection import Bisection, Effect, NotRead, Outcome, Suspect
from ..revisions.repository import Commit
from .evidence import Evidence

_OUTCOMES: Final = {
    Phase.FOUND: Outcome.FOUND,
    Phase.SEVERAL: Outcome.SEVERAL,
    Phase.UNCHANGED: Outcome.NO_DIFFERENCE,
}
_POWER_SD: Final = 1.96 + 0.84  # standard errors of a difference that 5 % and 80 % are sure of


def answer(
    commits: Sequence[Commit],
    seen: Evidence,
    decision: Decision,
    *,
    question: str,
    error: float,
    reused: int,
    stat: str | None,
) -> Bisection:
    """Say what readings and the decision on them amount to."""
    return Bisection(
        outcome=_OUTCOMES.get(decision.phase, Outcome.BUDGET),
        good=commits[0].sha,
        bad=commits[-1].sha,
        commits=len(commits) - 1,
        question=question,
        error=error,
        suspects=tuple(suspects(commits, decision, error)),
        probability=decision.probability,
        ends=effect_of(decision.ends),
        effect=effect_of(decision.pair),
        noise=_noise(decision),
        detectable=_detectable(decision.ends),
        readings=len(seen.readings.commits),
        spikes=int(is_spike(seen.readings).sum()),
        reused=reused,
        builds=len(np.unique(seen.readings.commits)),
        rest_readings=None if decision.place is None else rest(decision.place, error),
        not_read=tuple(NotRead(commits[at].sha, why) for at, why in sorted(seen.not_read.items())),
        stat=stat,
    )


def suspects(commits: Sequence[Commit], decision: Decision, error: float) -> list[Suspect]:
    """The fewest commits of which one made the change, but for `error`.

    Those that no reading can tell from the likeliest come first, then the likelier ones.
    """
    if decision.place is None or decision.suspects is None:
        return []
    posterior = decision.place.posterior
    first, last = decision.suspects
    places = np.arange(1, len(posterior) + 1)
    order = np.lexsort((-posterior, (places < first) | (places > last)))
    count = int(np.searchsorted(np.cumsum(posterior[order]), 1 - error)) + 1
    count = max(count, last - first + 1)
    return [
        Suspect(commits[at + 1].sha, commits[at + 1].subject, float(min(posterior[at], 1.0)))
        for at in order[:count]
    ]


def effect_of(found: Difference | None) -> Effect | None:
    """The ratio of two levels with its 95 % interval, where they were compared."""
    if found is None:
        return None
    width = found.half_width()
    return Effect(exp(found.step), exp(found.step - width), exp(found.step + width))


def _noise(decision: Decision) -> float | None:
    return None if decision.place is None else float(np.sqrt(decision.place.variance))


def _detectable(ends: Difference | None) -> float | None:
    return None if ends is None else exp(_POWER_SD * ends.standard_error) - 1
