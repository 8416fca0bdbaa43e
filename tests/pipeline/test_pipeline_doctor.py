"""The examination of this machine as a result."""

import pytest

from moeprof.pipeline.doctor import CheckResult, Examination, Status


@pytest.mark.parametrize("status", Status)
def test_an_examination_with_a_fault_says_so(status: Status) -> None:
    fine = CheckResult("python", Status.OK, "3.11")
    assert Examination((fine, CheckResult("disk", status, ""))).has_fault == (status == "fault")
