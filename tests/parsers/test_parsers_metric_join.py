"""Means of GPU metrics over kernels: the same as a sum over every nanosecond."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moeprof.parsers.metric_join import MetricJoin
from moeprof.tests.builders import EPOCH_NS


def _join(
    times: list[int], values: list[float], start: int, end: int, cuts: tuple[int, ...] = ()
) -> tuple[int, float, float]:
    join = MetricJoin(np.asarray([start]), np.asarray([end - start]))
    places = [0, *sorted(cuts), len(times)]
    for first, last in pairwise(places):
        time = np.asarray(times[first:last], dtype=np.int64)
        join.add(time, {"m": np.asarray(values[first:last], dtype=np.float64)})
    join.close()
    overlap = join.overlap()
    mean = overlap.means["m"][0] if "m" in overlap.means else np.nan
    return int(overlap.samples[0]), float(overlap.coverage[0]), float(mean)


@settings(max_examples=100)
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


def test_a_gap_in_the_sampling_is_not_filled() -> None:
    times = [10, 20, 30, 1000, 1010, 1020]
    assert np.isnan(_join(times, [5.0] * 6, 100, 200)[2])
    samples, coverage, _ = _join(times, [5.0] * 6, 970, 1000)
    assert samples == 1
    assert coverage == pytest.approx(2 / 3)


def test_samples_that_lack_a_metric_give_it_no_mean() -> None:
    samples, coverage, mean = _join([10, 20, 30], [np.nan] * 3, 0, 30)
    assert (samples, coverage) == (3, 1.0)
    assert np.isnan(mean)


def test_without_samples_or_without_length_there_is_no_mean() -> None:
    assert np.isnan(_join([], [], 0, 10)[2])
    samples, coverage, mean = _join([10, 20], [1.0, 2.0], 20, 20)
    assert samples == 1
    assert np.isnan([coverage, mean]).all()


@settings(max_examples=200)
@given(data=st.data())
def test_samples_in_pieces_give_the_same_as_at_once(data: st.DataObject) -> None:
    steps = [10] * 12
    steps[data.draw(st.integers(3, 11))] = data.draw(st.sampled_from([10, 15, 40]))
    times = [EPOCH_NS + sum(steps[: place + 1]) for place in range(len(steps))]
    values = data.draw(
        st.lists(
            st.one_of(st.just(float("nan")), st.floats(0, 100)),
            min_size=len(times), max_size=len(times),
        )
    )  # fmt: skip
    start = EPOCH_NS + data.draw(st.integers(-5, 150))
    end = start + data.draw(st.integers(0, 100))
    # The first piece fixes the period, so it must hold some samples of it.
    cuts = data.draw(st.lists(st.integers(3, len(times)), max_size=3))
    whole, pieces = _join(times, values, start, end), _join(times, values, start, end, tuple(cuts))
    assert pieces[0] == whole[0]
    assert pieces[1] == pytest.approx(whole[1], nan_ok=True)
    if not np.isnan(values).any():
        assert pieces[2] == pytest.approx(whole[2], nan_ok=True, abs=1e-6)


def test_a_metric_that_is_sampled_less_often_is_integrated_over_its_own_times() -> None:
    times = list(range(10, 90, 10))
    values = [5.0, 7.0, float("nan"), 9.0, float("nan"), 9.0, float("nan"), 9.0]
    assert _join(times, values, 45, 65, cuts=(2,)) == (2, 1.0, 9.0)
    assert _join(times, values, 45, 65) == (2, 1.0, 9.0)


def test_kernels_in_any_order_get_their_own_means() -> None:
    join = MetricJoin(np.asarray([30, 0, 15]), np.asarray([10, 10, 20]))
    join.add(np.asarray([10, 20]), {"m": np.asarray([1.0, 2.0])})
    join.add(np.asarray([30, 40]), {"m": np.asarray([3.0, 4.0])})
    join.close()
    assert join.overlap().means["m"].tolist() == [4.0, 1.0, (5 * 2 + 10 * 3 + 5 * 4) / 20]
    assert join.overlap(slice(1, 2)).samples.tolist() == [1]
