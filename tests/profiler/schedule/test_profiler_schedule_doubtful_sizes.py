"""Sizes whose calls spread, and sizes that took longer than the next larger one."""

from moeprof.profiler.schedule.doubtful_sizes import DoubtLimits, doubtful_sizes
from moeprof.profiler.schedule.observations import Observations


def test_each_limit_finds_its_own_sizes() -> None:
    observed = Observations(
        time_ns={1: 106.0, 2: 100.0, 4: 104.0, 8: 100.0}, spread={1: 0.1, 2: 0.1, 4: 0.1, 8: 0.3}
    )
    assert doubtful_sizes(observed, DoubtLimits(spread=0.2, excess=0.05)) == {1, 8}
    assert doubtful_sizes(observed, DoubtLimits(spread=0.2, excess=0.03)) == {1, 4, 8}
    assert doubtful_sizes(observed, DoubtLimits(spread=0.4, excess=0.1)) == set()
