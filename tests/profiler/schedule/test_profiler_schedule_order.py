"""The order of visits: the same for the same seed, and neighbours not in one breath."""

from hypothesis import given
from hypothesis import strategies as st

from moeprof.profiler.schedule.order import drawn, next_apart


def test_a_size_keeps_its_place_among_any_others() -> None:
    order = drawn(range(1, 30), "0 fc1")
    assert order == drawn(reversed(range(1, 30)), "0 fc1")
    assert order != drawn(range(1, 30), "1 fc1")
    assert [size for size in order if size % 2] == drawn(range(1, 30, 2), "0 fc1")


@given(st.lists(st.integers(1, 40), min_size=12, max_size=30, unique=True))
def test_no_neighbour_of_the_last_three_is_taken(waiting: list[int]) -> None:
    breath = sorted(waiting)[:6:2]
    taken = next_apart(waiting, breath, waiting)
    ascending = sorted(waiting)
    assert all(abs(ascending.index(taken) - ascending.index(size)) > 1 for size in breath)


def test_where_all_are_neighbours_the_first_is_taken() -> None:
    assert next_apart([3, 2], [1, 4], [1, 2, 3, 4]) == 3
