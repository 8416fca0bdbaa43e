"""The predictor of ticks: it searches, it locks, it comes back."""

from hypothesis import given, settings
from hypothesis import strategies as st

from moeprof.profiler.power.ticks import TickPredictor

MS = 1_000_000


def test_before_two_edges_there_is_no_plan() -> None:
    ticks = TickPredictor()
    assert ticks.plan(0) is None
    ticks.edge(5 * MS)
    assert ticks.plan(6 * MS) is None
    ticks.edge(105 * MS)
    assert ticks.plan(106 * MS) is not None


@settings(max_examples=30)
@given(period_ms=st.floats(90, 400), phase_ms=st.floats(0, 90))
def test_a_locked_burst_holds_the_tick_and_is_narrow(period_ms: float, phase_ms: float) -> None:
    ticks = TickPredictor()
    now_ns = 0
    for tick in range(12):
        now_ns = int((phase_ms + tick * period_ms) * MS)
        ticks.edge(now_ns)
    burst = ticks.plan(now_ns)
    assert burst is not None
    next_ns = now_ns + period_ms * MS
    assert burst.begin_ns < next_ns < burst.deadline_ns
    assert burst.deadline_ns - burst.begin_ns <= 6 * MS


def test_ticks_of_a_fast_sensor_are_followed_every_so_many() -> None:
    ticks = TickPredictor()
    edges = [0, 20 * MS]
    for now_ns in edges:
        ticks.edge(now_ns)
    for _ in range(8):
        burst = ticks.plan(edges[-1])
        assert burst is not None
        edges.append((burst.begin_ns // (20 * MS) + 1) * 20 * MS)  # the first tick in the burst
        ticks.edge(edges[-1])
    assert edges[-1] - edges[-2] == 80 * MS


def test_a_late_caller_gets_a_tick_that_is_still_to_come() -> None:
    ticks = TickPredictor()
    for now_ns in (0, 100 * MS, 200 * MS):
        ticks.edge(now_ns)
    burst = ticks.plan(950 * MS)
    assert burst is not None
    assert burst.begin_ns >= 950 * MS


def test_four_misses_in_a_row_begin_the_search_anew() -> None:
    ticks = TickPredictor()
    for now_ns in (0, 100 * MS, 200 * MS):
        ticks.edge(now_ns)
    for _ in range(3):
        ticks.miss()
        assert ticks.period_ns is not None
    ticks.miss()
    assert ticks.period_ns is None
