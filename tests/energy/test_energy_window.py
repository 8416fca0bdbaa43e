"""The window of a load that counts, and when the load has shown enough."""

import numpy as np
import pytest

from moeprof.device.nvml import NvmlCode
from moeprof.energy.power_log import Series
from moeprof.energy.window import Window, is_enough, power_moved, settled_edges, steady_window
from moeprof.store.recording import Load
from moeprof.tests.energy.power_logs import MS, S, counter, series


def a_load(begin_ms: int = 200, end_ms: int = 3000, us_per_launch: float = 50.0) -> Load:
    marks = np.arange(begin_ms, end_ms + 1, 20) * MS
    launches = (marks - marks[0]) / (us_per_launch * 1000)
    return Load("operation", "key", 0, tuple(marks.tolist()), tuple(launches.astype(int).tolist()))


def rising(until_ms: int, scatter: float = 0.0) -> Series:
    """A counter whose power rises until some time, then scatters from tick to tick."""
    random = np.random.default_rng(0)
    ticks_ms = np.arange(0, 5000, 100)
    power_w = np.where(ticks_ms < until_ms, 100 + ticks_ms / 2, 480)
    power_w = power_w * (1 + scatter * random.standard_normal(len(ticks_ms)))
    energy_mj = np.concatenate([[0], np.cumsum(power_w * 100)[:-1]])
    time_ms = np.arange(0, 5000)
    return series(time_ms * MS, np.floor(energy_mj[time_ms // 100]))


def test_the_window_begins_when_the_power_has_settled_and_contains_whole_ticks() -> None:
    window, settled = steady_window(rising(1000), a_load(end_ms=2950))
    assert settled
    assert window.begin_ns == pytest.approx(1200 * MS, abs=2 * MS)
    assert window.end_ns == pytest.approx(2900 * MS, abs=2 * MS)


def test_ticks_before_the_load_do_not_count_as_settled() -> None:
    window, settled = steady_window(counter(), a_load(begin_ms=1050))
    assert settled
    assert window.begin_ns == pytest.approx(1300 * MS, abs=2 * MS)


def test_a_power_that_keeps_changing_has_not_settled() -> None:
    window, settled = steady_window(rising(5000), a_load())
    assert not settled
    assert (window.begin_ns, window.end_ns) == (700 * MS, 3000 * MS)


def test_the_window_contains_readings_that_failed() -> None:
    whole = counter()
    code = np.where(whole.begin_ns > 1500 * MS, NvmlCode.GPU_IS_LOST, 0)
    lost = Series(whole.begin_ns, whole.end_ns, code, whole.value)
    window, _ = steady_window(lost, a_load())
    assert window.end_ns == 3000 * MS


def test_the_window_contains_a_time_in_which_the_counter_froze() -> None:
    whole = counter()
    frozen = series(whole.begin_ns, np.minimum(whole.value, 1e6 + 480 * 2000))
    window, _ = steady_window(frozen, a_load())
    assert (window.begin_ns, window.end_ns) == (700 * MS, 3000 * MS)


def test_power_that_moves_within_a_load_is_described_by_its_extremes() -> None:
    time_ms = np.arange(0, 4000)
    energy_mj = np.cumsum(np.where(time_ms < 1600, 690.0, 560.0))
    step = series(time_ms * MS, energy_mj[time_ms // 100 * 100])
    window, _ = steady_window(step, a_load())
    assert power_moved(step, window) == "the power moved from 690 to 560 W within the load"
    calm, _ = steady_window(counter(), a_load())
    assert power_moved(counter(), calm) is None


def test_late_and_missed_ticks_are_no_moving_power() -> None:
    late_ms = np.random.default_rng(0).uniform(0, 15, 50)
    time_ms = np.arange(0, 4000)
    shown = np.searchsorted(np.arange(50) * 100 + late_ms, time_ms, side="right") - 1
    late = series(time_ms * MS, 48_000 * shown)
    assert power_moved(late, Window(1 * S, 3 * S)) is None
    whole = counter()
    lost = whole.take(abs(whole.begin_ns - 2 * S) > 10 * MS)
    assert power_moved(lost, Window(1 * S, 3 * S)) is None


def test_five_ticks_are_enough_of_a_calm_load_and_four_are_not() -> None:
    calm = counter()
    assert not is_enough(calm, 1050 * MS, 1650 * MS)  # settled at 1.3 s
    assert is_enough(calm, 1050 * MS, 1850 * MS)


def test_a_load_that_scatters_goes_on_until_its_time_is_up() -> None:
    wild = rising(0, scatter=0.02)
    edges = settled_edges(wild, 0, 5 * S)
    assert edges is not None
    settled_ns = int(edges.time_ns[0])
    assert not is_enough(wild, 0, settled_ns + 700 * MS)
    assert is_enough(wild, 0, settled_ns + 1320 * MS)


def test_wide_edges_have_settled_half_a_second_after_the_load_began_if_they_lie_on_a_line() -> None:
    slow = counter(poll_ms=9)
    window, settled = steady_window(slow, a_load(end_ms=2950))
    assert settled
    assert window.begin_ns == pytest.approx(800 * MS, abs=10 * MS)
    assert window.end_ns == pytest.approx(2900 * MS, abs=10 * MS)
    assert power_moved(slow, window) is None
    whole = rising(5000)
    _, settled = steady_window(whole.take(whole.begin_ns % (9 * MS) == 0), a_load())
    assert not settled


def test_wide_edges_are_enough_when_their_slope_is_known_to_a_percent() -> None:
    slow = counter(poll_ms=9)
    assert not is_enough(slow, 1050 * MS, 2050 * MS)
    assert is_enough(slow, 1050 * MS, 2950 * MS)
    assert is_enough(counter(poll_ms=40), 1050 * MS, 3250 * MS)  # as close as it gets in 1.25 s


def test_a_load_without_edges_has_never_shown_enough() -> None:
    assert not is_enough(series(np.arange(0, S, MS), 5e6), 0, S)
    assert not is_enough(series([], []), 0, S)
