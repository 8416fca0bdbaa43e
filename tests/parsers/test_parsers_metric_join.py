"""GPU metrics over kernels: the same as integrating nanosecond by nanosecond."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moeprof.parsers.metric_join import join_metrics

EPOCH_NS = 1_700_000_000_000_000_000


def _join(times: list[int], values: list[float], start: int, end: int) -> tuple[int, float, float]:
    overlap = join_metrics(
        np.asarray(times, dtype=np.int64),
        {"m": np.asarray(values, dtype=np.float64)},
        np.asarray([start]),
        np.asarray([end]),
    )
    return int(overlap.samples[0]), float(overlap.coverage[0]), float(overlap.means["m"][0])


@settings(deadline=None, max_examples=100)
@given(
    start=st.integers(0, 60),
    length=st.integers(1, 40),
    values=st.lists(st.integers(0, 100), min_size=4, max_size=4),
)
def test_the_mean_is_the_integral_over_the_kernel(
    start: int, length: int, values: list[int]
) -> None:
    times = [EPOCH_NS + 10 * place for place in range(1, 5)]
    begin = EPOCH_NS + start
    samples, coverage, mean = _join(times, [float(v) for v in values], begin, begin + length)
    by_ns = [values[ns // 10] for ns in range(start, start + length) if ns < 40]
    assert samples == sum(begin <= time <= begin + length for time in times)
    assert coverage == pytest.approx(len(by_ns) / length)
    if by_ns:
        assert mean == pytest.approx(np.mean(by_ns), abs=1e-6)
    else:
        assert np.isnan(mean)


def test_a_hole_in_the_sampling_stays_a_hole() -> None:
    times = [10, 20, 30, 1000, 1010, 1020]
    assert np.isnan(_join(times, [5.0] * 6, 100, 200)[2])
    samples, coverage, _ = _join(times, [5.0] * 6, 970, 1000)
    assert samples == 1
    assert coverage == pytest.approx(2 / 3)


def test_a_sample_without_this_metric_says_nothing_of_it() -> None:
    samples, coverage, mean = _join([10, 20, 30], [np.nan] * 3, 0, 30)
    assert (samples, coverage) == (3, 1.0)
    assert np.isnan(mean)


def test_without_samples_or_without_length_there_is_no_mean() -> None:
    assert np.isnan(_join([], [], 0, 10)[2])
    samples, coverage, mean = _join([10, 20], [1.0, 2.0], 20, 20)
    assert samples == 1
    assert np.isnan([coverage, mean]).all()
