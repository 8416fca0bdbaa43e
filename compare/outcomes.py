"""The outcome of the whole from those of its parts."""

from collections.abc import Iterable

from ..store.verdicts.parts import Outcome


def overall(outcomes: Iterable[Outcome]) -> Outcome:
    """FAIL if any outcome is FAIL, PASS if all are PASS; else, and if there is none, AMBIGUOUS."""
    found = set(outcomes)
    if Outcome.FAIL in found:
        return Outcome.FAIL
    return Outcome.PASS if found == {Outcome.PASS} else Outcome.AMBIGUOUS
