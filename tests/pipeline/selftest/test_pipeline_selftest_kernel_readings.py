"""Values of the kernels' claims, where cases are bad, unchecked or not reached."""

from typing import Any

import pytest

from moeprof.pipeline.selftest import kernel_readings
from moeprof.pipeline.selftest.reading import Unmeasured

GOOD = {"case": "good", "times_torch": 1.0, "wrong_integers": 0, "runs": 300, "different": 0}


def kernels(*rows: dict[str, Any]) -> dict[str, Any]:
    return {"planned": len(rows), "cases": list(rows)}


@pytest.mark.parametrize(
    "bad",
    [
        {"case": "bad", "failure": "signal SIGSEGV"},
        GOOD | {"case": "bad", "times_torch": None},
        GOOD | {"case": "bad", "wrong_integers": 1},
        GOOD | {"case": "bad", "times_torch": 7.0},
    ],
)
def test_a_bad_case_is_beyond_the_limit_and_is_named(bad: dict[str, Any]) -> None:
    found = kernel_readings.kernel_error(kernels(GOOD, bad))
    assert found.value > 2
    assert "bad" in found.evidence


def test_a_case_without_memory_says_nothing_of_the_kernel() -> None:
    no_room = {"case": "large", "unchecked": "OutOfMemoryError: 1 GiB"}
    assert kernel_readings.kernel_error(kernels(no_room, GOOD)).evidence == "1 of 2 cases"
    with pytest.raises(Unmeasured, match="OutOfMemoryError"):
        kernel_readings.kernel_error(kernels(no_room))
    with pytest.raises(Unmeasured, match="no case was reached"):
        kernel_readings.kernel_differences(kernels())


def test_cases_that_were_not_reached_leave_the_claim_open_but_hide_no_fault() -> None:
    cut = kernels(GOOD) | {"planned": 18}
    with pytest.raises(Unmeasured, match="1 of 18 cases reached: at most 1 x torch"):
        kernel_readings.kernel_error(cut)
    with pytest.raises(Unmeasured, match="1 of 18 cases reached: each gave the same bits"):
        kernel_readings.kernel_differences(cut)
    bad = kernels(GOOD | {"case": "bad", "times_torch": 7.0, "different": 2}) | {"planned": 18}
    assert kernel_readings.kernel_error(bad).value == 7.0
    assert kernel_readings.kernel_differences(bad).value == 2


def test_cases_that_ran_once_say_nothing_of_determinism() -> None:
    with pytest.raises(Unmeasured, match="no kernel ran a second time"):
        kernel_readings.kernel_differences(kernels(GOOD | {"runs": 0}))
