"""The outcome of the whole is that of its worst part."""

from hypothesis import given
from hypothesis import strategies as st

from moeprof.compare.outcomes import overall
from moeprof.store.verdicts.parts import Outcome


@given(st.lists(st.sampled_from(list(Outcome))))
def test_the_outcome_of_the_whole_is_that_of_its_worst_part(outcomes: list[Outcome]) -> None:
    whole = overall(outcomes)
    if Outcome.FAIL in outcomes:
        assert whole is Outcome.FAIL
    elif Outcome.AMBIGUOUS in outcomes or not outcomes:
        assert whole is Outcome.AMBIGUOUS
    else:
        assert whole is Outcome.PASS
