"""Limits are those of what is left out, of a file's own errors, or stated."""

import pytest

from moeprof.compare.steptime.limits import (
    ENERGY,
    POWER,
    STEP,
    limits_left_out,
    limits_of_file,
    limits_stated,
)
from moeprof.pipeline.steptime.validation.splits import LEFT_OUT


def test_more_is_allowed_where_more_is_left_out() -> None:
    medians = {name: limits_left_out(name, STEP).median for name in LEFT_OUT}
    assert medians["configuration"] < medians["gpu"] < medians["model"] < medians["dense"]
    for name in LEFT_OUT:
        for kind in (STEP, POWER, ENERGY):
            limits = limits_left_out(name, kind)
            assert limits.median < limits.p90
            assert "fits" in limits.source


def test_a_file_is_held_to_its_own_errors_and_a_user_states_the_median() -> None:
    assert limits_of_file(0.1, 0.4).p90 == pytest.approx(0.5)
    assert limits_stated(0.2).p90 == pytest.approx(0.6)
