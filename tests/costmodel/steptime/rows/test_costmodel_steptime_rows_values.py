"""A value that cannot be what it is called is left out with a reason, and the others stay."""

import numpy as np
import pytest

from moeprof.costmodel.steptime.rows.values import (
    KILOWATTS,
    LONGER_DECODE,
    MILLIWATTS,
    NO_STEP,
    OTHER_SCOPE,
    OVER_TDP,
    Judged,
    decode_steps,
    interval_is_step,
    left_out,
    mean_steps,
    power_of_gpus,
)

UNKNOWN = np.nan


def test_an_interval_is_a_step_unless_tokens_stream_in_chunks() -> None:
    itl_ms = np.asarray([2.9, 3.0, 11.0, 11.1, UNKNOWN])
    found = decode_steps(itl_ms, np.full(5, 10.0), np.full(5, UNKNOWN))
    assert found.why.tolist() == [NO_STEP, "", "", NO_STEP, ""]
    assert np.isfinite(found.values).tolist() == [False, True, True, False, False]
    assert found.values[1] == 3000


def test_the_table_may_state_which_intervals_are_steps() -> None:
    itl_ms = np.asarray([2.0, 10.0])
    found = decode_steps(itl_ms, np.full(2, 10.0), np.asarray([1.0, 0.0]))
    assert found.why.tolist() == ["", NO_STEP]


@pytest.mark.parametrize(
    ("itl_ms", "tpot_ms", "is_step"),
    [(9.0, 10.0, True), (90.0, 10.0, False), (None, 10.0, None), (9.0, None, None)],
)
def test_one_interval(itl_ms: float | None, tpot_ms: float | None, is_step: bool | None) -> None:
    assert interval_is_step(itl_ms, tpot_ms) is is_step


def test_a_source_that_often_contradicts_itself_has_no_mean_steps() -> None:
    decode = Judged(np.asarray([*[9e3] * 19, 2e4, 9e3, 2e4]), np.full(22, ""))
    source = np.asarray([*["good"] * 20, *["bad"] * 2])
    found = mean_steps(np.full(22, 10.0), decode, source)
    assert found.why.tolist() == [*[""] * 19, LONGER_DECODE, LONGER_DECODE, LONGER_DECODE]
    assert np.isfinite(found.values).sum() == 19


def test_power_is_within_what_gpus_draw_and_of_all_of_them() -> None:
    power_w = np.asarray([700.0, 721.0, 722.0, 0.5, 400_000.0, 300.0, UNKNOWN, 0.0])
    scope = np.asarray([*["gpu_all"] * 5, "node", "", "gpu_all"])
    found = power_of_gpus(power_w, scope, np.full(8, 700.0))
    reasons = ["", "", OVER_TDP, KILOWATTS, MILLIWATTS, OTHER_SCOPE, "", ""]
    assert found.why.tolist() == reasons
    assert np.isfinite(found.values).tolist() == [True, True, *[False] * 6]


def test_what_is_left_out_is_counted() -> None:
    one = Judged(np.zeros(3), np.asarray(["", "a", "b"]))
    other = Judged(np.zeros(2), np.asarray(["b", ""]))
    assert left_out(one, other) == {"b": 2, "a": 1}
