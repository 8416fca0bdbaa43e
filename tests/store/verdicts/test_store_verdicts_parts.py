"""The parts of a verdict: exit codes, the error at a size, and the sizes of a band."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moeprof.store.verdicts.parts import BandVerdict, Outcome, error_between


def test_exit_codes() -> None:
    """125 is the code by which `git bisect run` skips a commit."""
    assert {outcome.name: outcome.exit_code for outcome in Outcome} == {
        "PASS": 0,
        "FAIL": 1,
        "AMBIGUOUS": 125,
    }


@pytest.mark.parametrize(
    ("first", "last", "name", "inside", "outside"),
    [(9, 64, "9-64", (9, 64), (8, 65)), (65, None, "65+", (65, 10**6), (64,))],
)
def test_a_band_holds_its_ends(
    first: int, last: int | None, name: str, inside: tuple[int, ...], outside: tuple[int, ...]
) -> None:
    band = BandVerdict(first, last, 0, None, None, None, Outcome.AMBIGUOUS, ())
    assert band.name == name
    assert all(size in band for size in inside)
    assert not any(size in band for size in outside)


@given(st.floats(0.01, 100))
def test_a_model_that_is_too_fast_is_as_wrong_as_one_that_is_too_slow(ratio: float) -> None:
    fast, slow = error_between(10.0 / ratio, 10.0), error_between(10.0 * ratio, 10.0)
    assert fast == pytest.approx(slow)
    assert slow == pytest.approx(max(ratio, 1 / ratio) - 1)
