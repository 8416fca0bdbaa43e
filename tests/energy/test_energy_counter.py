"""Estimators on counters whose truth is known."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moeprof.energy.counter import (
    Edges,
    Measured,
    Unusable,
    beats_with_sensor,
    counter_edges,
    counter_power_w,
    difference,
    disagreement,
    edge_to_edge,
    integrated_power_w,
    refreshes,
    settled_ns,
    update_period_s,
)
from moeprof.energy.power_log import Series
from moeprof.tests.energy.power_logs import MS, S, counter, series


@settings(deadline=None, max_examples=25)
@given(
    power_w=st.floats(50, 1000),
    update_ms=st.floats(20, 120),
    begin_ms=st.integers(1000, 1100),
    length_ms=st.integers(700, 3000),
)
def test_constant_power_is_found_whatever_the_phase(
    power_w: float, update_ms: float, begin_ms: int, length_ms: int
) -> None:
    found = counter_power_w(
        counter(power_w, update_ms=update_ms), begin_ms * MS, (begin_ms + length_ms) * MS
    )
    assert found.value == pytest.approx(power_w, rel=3e-3)
    assert found.value is not None
    assert found.ci95 is not None
    assert abs(found.value - power_w) <= 3 * found.ci95  # 95 % is no bound


def test_two_readings_would_be_far_off_where_edges_are_not() -> None:
    readings = counter(480)
    inside = readings.between(1090 * MS, 1610 * MS)
    naive_w = (inside.value[-1] - inside.value[0]) / 520
    assert naive_w / 480 - 1 == pytest.approx(0.154, abs=1e-3)
    edges = counter_power_w(readings, 1090 * MS, 1610 * MS)
    assert edges.value == pytest.approx(480, rel=1e-6)


def test_power_that_steps_inside_the_window_is_averaged_over_time() -> None:
    time_ms = np.arange(0, 3000, 1.0)
    refreshed = np.floor(time_ms / 100) * 100
    energy = np.where(refreshed < 1500, refreshed * 200, 1500 * 200 + (refreshed - 1500) * 400)
    found = counter_power_w(series(time_ms * MS, energy), 999 * MS, 2001 * MS)
    assert found.value == pytest.approx(300, rel=2e-3)


def test_the_interval_grows_with_how_loosely_the_edges_are_known() -> None:
    close = counter_power_w(counter(poll_ms=0.5), 1 * S, 2 * S)
    loose = counter_power_w(counter(poll_ms=2.5), 1 * S, 2 * S)
    assert close.ci95 is not None
    assert loose.ci95 is not None
    assert loose.ci95 > 3 * close.ci95


def test_edges_that_are_hardly_known_bound_no_window() -> None:
    assert len(counter_edges(counter(poll_ms=20))) == 0


@pytest.mark.parametrize(
    ("begin_ms", "end_ms", "reason"),
    [
        (1050, 1250, Unusable.TOO_FEW_TICKS),
        (20_000, 21_000, Unusable.NO_READINGS),
    ],
)
def test_a_window_without_enough_says_why(begin_ms: int, end_ms: int, reason: Unusable) -> None:
    found = counter_power_w(counter(), begin_ms * MS, end_ms * MS)
    assert (found.value, found.ci95, found.reason) == (None, None, reason)


def test_a_counter_that_stands_still_is_stuck_and_not_zero() -> None:
    stuck = series(np.arange(0, 3 * S, MS), 7e6)
    assert counter_power_w(stuck, 0, 3 * S) == Measured(None, None, 0, Unusable.STUCK)


def test_a_counter_that_stands_still_for_a_part_is_stuck_too() -> None:
    readings = counter()
    frozen = series(readings.begin_ns, np.minimum(readings.value, 1e6 + 480 * 2000))
    assert counter_power_w(frozen, 1 * S, 2500 * MS).value == pytest.approx(480, rel=0.01)
    assert counter_power_w(frozen, 1 * S, 2700 * MS).reason == Unusable.STUCK
    slow = counter(update_ms=600)
    assert counter_power_w(slow, 1 * S, 9 * S).value == pytest.approx(480, rel=0.01)


def test_a_window_goes_from_edge_to_edge_unless_the_counter_failed_or_stood_still() -> None:
    readings = counter()
    edges = counter_edges(readings.between(1050 * MS, 2950 * MS))
    window = 1050 * MS, 2950 * MS
    assert edge_to_edge(readings, edges, *window) == (1099 * MS, 2900 * MS)
    assert edge_to_edge(readings, None, *window) == window
    frozen = series(readings.begin_ns, np.minimum(readings.value, 1e6 + 480 * 2000))
    assert edge_to_edge(frozen, counter_edges(frozen), *window) == window
    code = np.where(readings.begin_ns == 2 * S, 999, 0)
    failed = Series(readings.begin_ns, readings.end_ns, code, readings.value)
    assert edge_to_edge(failed, edges, *window) == window


@pytest.mark.parametrize("late_ms", [2, 5])
def test_the_interval_holds_where_the_sensor_shows_its_ticks_late(late_ms: float) -> None:
    rng = np.random.default_rng(0)
    time_ns = np.arange(0, 2 * S, MS // 2)
    held = []
    for _ in range(100):
        seen_ns = np.arange(20) * 100 * MS + rng.uniform(0, late_ms * MS, 20)
        shown = np.searchsorted(seen_ns, time_ns, side="right") - 1
        readings = series(time_ns, 1e6 + 48_000 * shown)
        window = edge_to_edge(readings, counter_edges(readings), 450 * MS, 1650 * MS)
        found = counter_power_w(readings, *window)
        assert found.value is not None
        assert found.ci95 is not None
        assert found.ci95 < 6 * 480 * late_ms / 1000
        held.append(abs(found.value - 480) <= found.ci95)
    assert np.mean(held) >= 0.93


def test_power_that_moves_while_its_ticks_keep_time_leaves_the_interval_narrow() -> None:
    time_ms = np.arange(0, 3000, 1.0)
    refreshed = np.floor(time_ms / 100) * 100
    energy = np.where(refreshed < 1500, refreshed * 200, 1500 * 200 + (refreshed - 1500) * 400)
    found = counter_power_w(series(time_ms * MS, energy), 999 * MS, 2001 * MS)
    assert found.ci95 == pytest.approx(0.4, abs=0.3)


def test_a_counter_that_steps_back_is_a_reset_and_not_negative() -> None:
    readings = counter()
    value = np.where(readings.begin_ns > 1500 * MS, readings.value - 1.5e6, readings.value)
    reset = series(readings.begin_ns, value)
    assert counter_power_w(reset, 1 * S, 2 * S).reason == Unusable.RESET
    assert counter_power_w(reset, 2 * S, 3 * S).value == pytest.approx(480)


def test_a_sensor_of_power_alone_is_integrated() -> None:
    time_ms = np.arange(0, 4000, 50.0)
    power_mw = np.where(time_ms < 2000, 200e3, 400e3)
    found = integrated_power_w(series(time_ms * MS, power_mw), 1000 * MS, 2500 * MS)
    assert found.value == pytest.approx((200 * 1000 + 400 * 500) / 1500)
    few = integrated_power_w(series(time_ms * MS, power_mw), 1000 * MS, 1100 * MS)
    assert few.reason == Unusable.TOO_FEW_TICKS


def test_a_late_first_reading_stands_for_the_time_before_it() -> None:
    time_ms = np.arange(1010, 2000, 50.0)
    found = integrated_power_w(series(time_ms * MS, 300e3), 1000 * MS, 2000 * MS)
    assert found.value == pytest.approx(300)


@pytest.mark.parametrize("update_ms", [20.0, 100.0])
def test_the_update_period_is_measured(update_ms: float) -> None:
    assert update_period_s(counter(update_ms=update_ms)) == pytest.approx(update_ms / 1e3, rel=0.01)
    assert update_period_s(counter(seconds=0.02)) is None


def test_settled_is_when_two_ticks_agree() -> None:
    energy = np.array([0.0, 100, 300, 600, 1000, 1401, 1801]) * 100
    edges = Edges(np.arange(0.0, 700 * MS, 100 * MS), np.full(7, 1.0 * MS), energy)
    assert settled_ns(edges) == 500 * MS
    assert settled_ns(Edges(edges.time_ns[:4], edges.width_ns[:4], energy[:4])) is None


@pytest.mark.parametrize("load_s", [0.1, 0.205, 0.033])
def test_a_load_in_step_with_the_sensor_is_told(load_s: float) -> None:
    assert beats_with_sensor(load_s, 0.1)


@pytest.mark.parametrize("load_s", [0.005, 0.14, 0.041, 1.0])
def test_a_load_out_of_step_is_fine(load_s: float) -> None:
    assert not beats_with_sensor(load_s, 0.1)


def test_power_above_idle_may_be_negative_and_keeps_both_intervals() -> None:
    found = difference(Measured(100.0, 3.0, 9), Measured(104.0, 4.0, 5))
    assert found == Measured(-4.0, 5.0, 5)
    missing = Measured(None, None, 0, "why")
    assert difference(missing, found) == missing
    assert difference(found, missing) == missing


def test_two_sources_are_held_against_each_other() -> None:
    assert disagreement(Measured(103, 1, 9), Measured(100, 1, 9)) == pytest.approx(0.03)
    assert disagreement(Measured(None, None, 0, "why"), Measured(100, 1, 9)) is None


def test_energy_per_launch_is_scaled_with_its_interval() -> None:
    per_launch = Measured(480.0, 2.0, 9).scaled(1.5 * 1000 / 30000)
    assert per_launch.value == pytest.approx(24.0)
    assert per_launch.ci95 == pytest.approx(0.1)
    assert Measured(None, None, 0, "why").scaled(2).reason == "why"
    assert math.isclose(Measured(1.0, None, 1).scaled(2).value or 0, 2)


def test_a_sensor_read_more_often_than_it_refreshes_has_one_reading_a_refresh() -> None:
    value = np.array([5, 6, 6, 6, 9, 8, 9, 8, 7, 7], np.float64)  # of which 6 and 7 stay
    often = series(np.arange(100) * 10 * MS, np.repeat(value, 10))
    found = refreshes(often)
    assert found.begin_ns.tolist() == (np.arange(10) * 100 * MS).tolist()
    assert found.value.tolist() == value.tolist()
    for window in ((0, S), (130 * MS, 910 * MS)):
        assert integrated_power_w(found, *window).value == integrated_power_w(often, *window).value


def test_a_sensor_without_a_known_period_has_only_its_changes() -> None:
    assert refreshes(series(np.arange(9) * MS, [3, 3, 3, 3, 4, 4, 4, 3, 3])).value.tolist() == [
        3,
        4,
        3,
    ]
    assert len(refreshes(series([], []))) == 0
