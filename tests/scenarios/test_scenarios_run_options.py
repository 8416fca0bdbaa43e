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
        ({"points_per_op": 1}, "--points is 1, and a curve needs at least 2"),
        ({"budget_s": 0.0}, "--budget is 0 s"),
        ({"budget_s": float("nan")}, "--budget is nan s"),
        ({"point_timeout_s": -1.0}, "--point-timeout is -1 s"),
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


def test_every_field_belongs_to_one_option_of_the_command() -> None:
    names = [field.name for field in fields(RunOptions)]
    assert [OPTION_FIELDS[option_of(name)] for name in names] == names
    assert {"--points", "--no-power", "--ops", "--thermal-step"} <= OPTION_FIELDS.keys()
