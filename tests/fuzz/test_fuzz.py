"""No field of any input ends in an internal error, a hang or an impossible number.

2,000 cases, the same in every run; `make fuzz` draws 10,000 others.
"""

from pathlib import Path

import pytest

from moeprof.tests.fuzz.case import Fuzzer, Target
from moeprof.tests.fuzz.targets.all import TARGETS, shares

CASES = 2000
COUNTS = shares(CASES)


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_a_changed_field_is_read_or_refused(target: Target, tmp_path: Path) -> None:
    fuzzer = Fuzzer(target, tmp_path)
    fuzzer.run_intact()
    outcomes = [fuzzer.run(number) for number in range(COUNTS[target.name])]
    assert [str(one) for one in outcomes if one.fault] == []
    assert sum(one.is_read for one in outcomes) >= target.read_share * len(outcomes)
