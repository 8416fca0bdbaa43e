"""Power between the edges of counters whose true power is known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moeprof.device.nvml import NvmlCode
from moeprof.energy.counter import (
    Edges,
    counter_edges,
    edge_to_edge_power_w,
    line_power_w,
    outer_edges_ns,
    settled_ns,
)
from moeprof.energy.power_log import Series
from moeprof.energy.readings import Unusable
from moeprof.stats.measured import Measured
from moeprof.tests.energy.power_logs import MS, S, counter, series


@settings(max_examples=25)
@given(
    power_w=st.floats(50, 1000),
    update_ms=st.floats(20, 120),
    begin_ms=st.integers(1000, 1100),
    length_ms=st.integers(700, 3000),
)
def test_constant_power_is_found_whatever_the_phase(
    power_w: float, update_ms: float, begin_ms: int, length_ms: int
) -> None:
    found = edge_to_edge_power_w(
        counter(power_w, update_ms=update_ms), begin_ms * MS, (begin_ms + length_ms) * MS
    )
    assert found.value == pytest.approx(power_w, rel=3e-3)
    assert found.value is not None
    assert found.ci95 is not None
    assert abs(found.value - power_w) <= 3 * found.ci95  # 95 % is no bound


def test_edges_are_right_where_the_difference_of_two_readings_is_not() -> None:
    readings = counter(480)
    inside = readings.between(1090 * MS, 1610 * MS)
    naive_w = (inside.value[-1] - inside.value[0]) / 520
    assert naive_w / 480 - 1 == pytest.approx(0.154, abs=1e-3)
    edges = edge_to_edge_power_w(readings, 1090 * MS, 1610 * MS)
    assert edges.value == pytest.approx(480, rel=1e-6)


def test_power_that_steps_inside_the_window_is_averaged_over_time() -> None:
    time_ms = np.arange(0, 3000, 1.0)
    refreshed = np.floor(time_ms / 100) * 100
    energy = np.where(refreshed < 1500, refreshed * 200, 1500 * 200 + (refreshed - 1500) * 400)
    found = edge_to_edge_power_w(series(time_ms * MS, energy), 999 * MS, 2001 * MS)
    assert found.value == pytest.approx(300, rel=2e-3)


def test_the_interval_grows_with_how_loosely_the_edges_are_known() -> None:
    close = edge_to_edge_power_w(counter(poll_ms=0.5), 1 * S, 2 * S)
    loose = edge_to_edge_power_w(counter(poll_ms=2.5), 1 * S, 2 * S)
    assert close.ci95 is not None
    assert loose.ci95 is not None
    assert loose.ci95 > 3 * close.ci95


def test_an_edge_that_is_known_to_20_ms_is_none_among_close_ones() -> None:
    readings = counter()
    late = np.abs(readings.begin_ns - 1000 * MS) < 10 * MS
    edges = counter_edges(readings.take(~late))
    assert edges.width_ns.max() <= 3 * MS
    assert 1000 * MS not in edges.time_ns.round(-6)
    assert not edges.are_wide


def test_edges_that_are_all_wide_lie_on_a_line_whose_slope_is_the_power() -> None:
    wide = counter(poll_ms=20.3)
    edges = counter_edges(wide)
    assert edges.are_wide
    slope = edge_to_edge_power_w(wide, 1 * S, 4 * S)
    close = edge_to_edge_power_w(counter(), 1 * S, 4 * S)
    assert slope.value == pytest.approx(480, rel=0.005)
    assert slope.value is not None
    assert slope.ci95 is not None
    assert close.ci95 is not None
    assert close.ci95 < slope.ci95 < 0.01 * 480
    assert abs(slope.value - 480) <= slope.ci95


@settings(max_examples=25)
@given(poll_ms=st.floats(4, 60), begin_ms=st.integers(500, 1500), power_w=st.floats(50, 1000))
def test_a_slope_is_right_within_twice_its_interval(
    poll_ms: float, begin_ms: int, power_w: float
) -> None:
    wide = counter(power_w, poll_ms=poll_ms)
    found = line_power_w(counter_edges(wide.between(begin_ms * MS, (begin_ms + 3000) * MS)))
    assert found is not None
    assert found.value is not None
    assert found.ci95 is not None
    assert abs(found.value - power_w) <= 2 * found.ci95


def test_wide_edges_of_a_power_that_steps_lie_on_no_line_and_bound_the_window() -> None:
    time_ms = np.arange(0, 6000, 12.0)
    refreshed = np.floor(time_ms / 100) * 100
    energy = np.where(refreshed < 3000, refreshed * 200, 3000 * 200 + (refreshed - 3000) * 400)
    stepped = series(time_ms * MS, energy)
    assert line_power_w(counter_edges(stepped)) is None
    found = edge_to_edge_power_w(stepped, 1 * S, 5 * S)
    assert found.value == pytest.approx(300, rel=0.02)


def test_few_wide_edges_show_no_line() -> None:
    assert line_power_w(counter_edges(counter(seconds=0.7, poll_ms=12))) is None


@pytest.mark.parametrize(
    ("begin_ms", "end_ms", "reason"),
    [
        (1050, 1250, Unusable.TOO_FEW_TICKS),
        (20_000, 21_000, Unusable.NO_READINGS),
    ],
)
def test_a_window_with_too_little_has_a_reason(
    begin_ms: int, end_ms: int, reason: Unusable
) -> None:
    found = edge_to_edge_power_w(counter(), begin_ms * MS, end_ms * MS)
    assert (found.value, found.ci95, found.reason) == (None, None, reason)


def test_a_counter_that_stands_still_is_stuck_and_not_zero() -> None:
    stuck = series(np.arange(0, 3 * S, MS), 7e6)
    assert edge_to_edge_power_w(stuck, 0, 3 * S) == Measured(None, None, 0, Unusable.STUCK)


def test_a_counter_that_stands_still_for_a_part_is_stuck_too() -> None:
    readings = counter()
    frozen = series(readings.begin_ns, np.minimum(readings.value, 1e6 + 480 * 2000))
    assert edge_to_edge_power_w(frozen, 1 * S, 2500 * MS).value == pytest.approx(480, rel=0.01)
    assert edge_to_edge_power_w(frozen, 1 * S, 2700 * MS).reason == Unusable.STUCK
    slow = counter(update_ms=600)
    assert edge_to_edge_power_w(slow, 1 * S, 9 * S).value == pytest.approx(480, rel=0.01)


def test_a_window_goes_from_edge_to_edge_unless_the_counter_failed_or_stood_still() -> None:
    readings = counter()
    edges = counter_edges(readings.between(1050 * MS, 2950 * MS))
    window = 1050 * MS, 2950 * MS
    assert outer_edges_ns(readings, edges, *window) == (1099 * MS, 2900 * MS)
    assert outer_edges_ns(readings, None, *window) == window
    frozen = series(readings.begin_ns, np.minimum(readings.value, 1e6 + 480 * 2000))
    assert outer_edges_ns(frozen, counter_edges(frozen), *window) == window
    code = np.where(readings.begin_ns == 2 * S, NvmlCode.UNKNOWN, 0)
    failed = Series(readings.begin_ns, readings.end_ns, code, readings.value)
    assert outer_edges_ns(failed, edges, *window) == window


@pytest.mark.parametrize("late_ms", [2, 5])
def test_the_interval_holds_where_the_sensor_shows_its_ticks_late(late_ms: float) -> None:
    rng = np.random.default_rng(0)
    time_ns = np.arange(0, 2 * S, MS // 2)
    held = []
    for _ in range(100):
        seen_ns = np.arange(20) * 100 * MS + rng.uniform(0, late_ms * MS, 20)
        shown = np.searchsorted(seen_ns, time_ns, side="right") - 1
        readings = series(time_ns, 1e6 + 48_000 * shown)
        window = outer_edges_ns(readings, counter_edges(readings), 450 * MS, 1650 * MS)
        found = edge_to_edge_power_w(readings, *window)
        assert found.value is not None
        assert found.ci95 is not None
        assert found.ci95 < 6 * 480 * late_ms / 1000
        held.append(abs(found.value - 480) <= found.ci95)
    assert np.mean(held) >= 0.93


def test_power_that_moves_while_its_ticks_keep_time_leaves_the_interval_narrow() -> None:
    time_ms = np.arange(0, 3000, 1.0)
    refreshed = np.floor(time_ms / 100) * 100
    energy = np.where(refreshed < 1500, refreshed * 200, 1500 * 200 + (refreshed - 1500) * 400)
    found = edge_to_edge_power_w(series(time_ms * MS, energy), 999 * MS, 2001 * MS)
    assert found.ci95 == pytest.approx(0.4, abs=0.3)


def test_a_counter_that_steps_back_is_a_reset_and_not_negative() -> None:
    readings = counter()
    value = np.where(readings.begin_ns > 1500 * MS, readings.value - 1.5e6, readings.value)
    reset = series(readings.begin_ns, value)
    assert edge_to_edge_power_w(reset, 1 * S, 2 * S).reason == Unusable.RESET
    assert edge_to_edge_power_w(reset, 2 * S, 3 * S).value == pytest.approx(480)


def test_power_has_settled_when_two_ticks_agree() -> None:
    energy = np.array([0.0, 100, 300, 600, 1000, 1401, 1801]) * 100
    edges = Edges(np.arange(0.0, 700 * MS, 100 * MS), np.full(7, 1.0 * MS), energy)
    assert settled_ns(edges) == 500 * MS
    assert settled_ns(Edges(edges.time_ns[:4], edges.width_ns[:4], energy[:4])) is None
