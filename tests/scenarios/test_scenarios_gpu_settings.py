"""A run for each power limit and SM clock of a list."""

import pytest

from moeprof.scenarios.gpu_settings import at_each_setting
from moeprof.scenarios.run_options import RunOptions
from moeprof.store.errors import BadInput

OPTIONS = RunOptions(ops="fc1", budget_s=600.0)


def test_each_limit_at_each_clock_is_a_run_and_they_share_the_budget() -> None:
    runs = at_each_setting(OPTIONS, "400,500,700", "1410,1980")
    assert [(run.power_limit_w, run.sm_clock_mhz) for run in runs] == [
        (400, 1410), (400, 1980), (500, 1410), (500, 1980), (700, 1410), (700, 1980),
    ]  # fmt: skip
    assert {run.budget_s for run in runs} == {100.0}
    assert {run.ops for run in runs} == {"fc1"}


def test_without_a_list_the_options_are_those_of_one_run() -> None:
    assert at_each_setting(OPTIONS, None, None) == (OPTIONS,)


@pytest.mark.parametrize(
    ("limits", "clocks", "refusal"),
    [
        ("400,400", None, "--power-limits names 400 twice"),
        (None, "1410,1410", "--lock-clocks names 1410 twice"),
        ("low", None, "--power-limits is 'low', and must be whole numbers by comma"),
        ("0", None, "--power-limits is 0 W, and it must be at least 1"),
        (None, "-5", "--lock-clocks is -5 MHz, and it must be at least 1"),
    ],
)
def test_a_list_that_holds_no_settings_is_refused(
    limits: str | None, clocks: str | None, refusal: str
) -> None:
    with pytest.raises(BadInput, match=refusal):
        at_each_setting(OPTIONS, limits, clocks)
