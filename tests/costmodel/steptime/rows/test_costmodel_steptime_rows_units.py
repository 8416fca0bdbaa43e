"""Times that are in another unit say so: most of a source, and by a power of a thousand."""

import numpy as np
import pytest

from moeprof.costmodel.steptime.rows.units import unit_by_batch, unit_by_roofline

USUAL = np.asarray([0.08, 0.2, 0.35, 0.5, 0.7])


@pytest.mark.parametrize(
    ("factor", "looks"),
    [
        (1.0, ""),
        (1e3, "times look 1000 times too small: seconds as milliseconds"),
        (1e-3, "times look 1000 times too large: microseconds as milliseconds"),
        (1e-6, "times look 1000000 times too large: nanoseconds as milliseconds"),
        (30.0, ""),
    ],
)
def test_nearly_all_times_of_a_source_look_like_one_unit(factor: float, looks: str) -> None:
    """`factor` is roofline over time, as read, beside that of the right unit."""
    assert unit_by_roofline(USUAL * factor) == looks


def test_a_few_impossible_times_are_no_unit() -> None:
    assert unit_by_roofline(np.append(USUAL, 300.0)) == ""
    assert unit_by_roofline(np.asarray([])) == ""


@pytest.mark.parametrize(
    ("implied", "looks"),
    [
        (1.0, ""),
        (5.0, ""),
        (900.0, "times look 1000 times too large: microseconds as milliseconds"),
        (0.0011, "times look 1000 times too small: seconds as milliseconds"),
        (100.0, ""),
    ],
)
def test_throughput_times_time_over_the_batch_tells_a_unit(implied: float, looks: str) -> None:
    assert unit_by_batch(implied) == looks
