"""Options of a run: what breaks a rule on any machine is refused at once."""

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from moeprof.scenarios.run_options import OPTION_FIELDS, RunOptions, option_of
from moeprof.store.errors import BadInput


@pytest.mark.parametrize(
    ("option", "named"),
    [
        ({"threads": 0}, "--threads is 0, and it must be at least 1"),
        ({"threads": 100_000}, "--threads is 100000, and it must be at least 1 and at most"),
        ({"points_per_op": 1}, "--points is 1, and a curve needs at least 2"),
        ({"budget_s": 0.0}, "--budget is 0 s"),
        ({"budget_s": float("nan")}, "--budget is nan s"),
        ({"point_timeout_s": -1.0}, "--point-timeout is -1 s"),
        ({"wait_s": 0.0}, "--wait is 0 s"),
        ({"sampling": "some"}, "sampling is 'some'"),
        ({"isolation": "none"}, "isolation is 'none'"),
        ({"l2": "warm"}, "l2 is 'warm'"),
        ({"preset": "small", "preset_file": Path("x.toml")}, "--preset and --scenario"),
        ({"power": False, "thermal_step": True}, "--no-power and --thermal-step"),
    ],
    ids=str,
)
def test_an_option_that_breaks_a_rule_is_named(option: dict[str, Any], named: str) -> None:
    with pytest.raises(BadInput) as caught:
        RunOptions(**option)
    assert named in caught.value.message


@pytest.mark.parametrize("field", [field.name for field in fields(RunOptions)])
@pytest.mark.parametrize("value", [[1, 2], {"a": 1}, b"x", 1j, object()])
def test_a_value_of_another_type_is_refused_by_its_field(field: str, value: Any) -> None:
    with pytest.raises(BadInput, match=f"^{field} is ") as caught:
        RunOptions(**{field: value})
    assert caught.value.hint.startswith("it must be of type")


@pytest.mark.parametrize(
    "option",
    [
        {"threads": True}, {"power": 1}, {"seed": 1.0}, {"budget_s": True}, {"ops": None},
        {"preset_file": Path("a\0b")}, {"ops": "a\0b.py"},
        {"seed": 10**400}, {"budget_s": float("inf")}, {"sm_clock_mhz": 0},
    ],
    ids=str,
)  # fmt: skip
def test_a_number_of_another_kind_is_refused(option: dict[str, Any]) -> None:
    with pytest.raises(BadInput):
        RunOptions(**option)


def test_a_time_may_be_a_whole_number() -> None:
    assert RunOptions(budget_s=90, point_timeout_s=5).budget_s == 90


def test_every_field_belongs_to_one_option_of_the_command() -> None:
    names = [field.name for field in fields(RunOptions)]
    assert [OPTION_FIELDS[option_of(name)] for name in names] == names
    assert {"--points", "--no-power", "--ops", "--thermal-step"} <= OPTION_FIELDS.keys()
