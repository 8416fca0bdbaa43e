"""The exit code of a verdict; 125 is the one by which `git bisect run` skips a commit."""

import pytest

from moeprof.store.verdict import Outcome, Validation


def test_exit_codes() -> None:
    assert {outcome.name: outcome.exit_code for outcome in Outcome} == {
        "PASS": 0,
        "FAIL": 1,
        "AMBIGUOUS": 125,
    }


@pytest.mark.parametrize(
    ("judged", "present", "is_on"),
    [("a", "a", True), ("a", "b", False), (None, "b", True), ("a", None, True)],
)
def test_a_verdict_on_another_model_is_told_by_its_digest(
    judged: str | None, present: str | None, is_on: bool
) -> None:
    verdict = Validation("holdout", "run", Outcome.PASS, (), {}, model_sha256=judged)
    assert verdict.is_on(present) is is_on
