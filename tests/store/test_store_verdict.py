"""The exit code of a verdict; 125 is the one by which `git bisect run` skips a commit."""

from moeprof.store.verdict import Outcome


def test_exit_codes() -> None:
    assert {outcome.name: outcome.exit_code for outcome in Outcome} == {
        "PASS": 0,
        "FAIL": 1,
        "AMBIGUOUS": 125,
    }
