"""The range of a kernel: the same as from an exhaustive search."""

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from moeprof.parsers.attribution import enclosing_ranges, innermost_ranges
from moeprof.parsers.events import NOWHERE, OPEN_END, Spans

Span = tuple[int, int, int]

spans = st.tuples(st.integers(0, 30), st.integers(0, 15), st.integers(0, 2)).map(
    lambda s: (s[0], s[0] + s[1], s[2])
)


def _spans(given: list[Span]) -> Spans:
    columns = np.asarray(given, dtype=np.int64).reshape(-1, 3)
    return Spans(columns[:, 0], columns[:, 1], columns[:, 2])


@settings(max_examples=200)
@given(ranges=st.lists(spans, max_size=12), inner=st.lists(spans, max_size=8))
def test_the_innermost_range_is_that_of_the_exhaustive_search(
    ranges: list[Span], inner: list[Span]
) -> None:
    found = innermost_ranges(_spans(ranges), _spans(inner))
    for index, (start, end, thread) in zip(found.tolist(), inner, strict=True):
        around = [r for r in ranges if r[2] == thread and r[0] <= start and r[1] >= end]
        expected = max(around, key=lambda r: (r[0], -r[1]), default=None)
        assert (ranges[index] if index >= 0 else None) == expected


@settings(max_examples=200)
@given(
    ranges=st.lists(st.tuples(spans, st.booleans(), st.booleans()), max_size=12),
    inner=st.lists(spans, max_size=8),
)
def test_a_range_of_the_process_counts_where_none_of_the_thread_encloses(
    ranges: list[tuple[Span, bool, bool]], inner: list[Span]
) -> None:
    """Threads 0 and 1 are of process 0, thread 2 is one of process 1."""
    given = [span for span, _, _ in ranges]
    wide = np.asarray([is_wide for _, is_wide, _ in ranges], dtype=bool)
    crosses = np.asarray([crossing and is_wide for _, is_wide, crossing in ranges], dtype=bool)
    outer, calls = _spans(given), _spans(inner)
    outer = replace(
        outer,
        process=np.where(wide, outer.thread // 2, NOWHERE),
        thread=np.where(crosses, NOWHERE, outer.thread),
    )
    index, by_process = enclosing_ranges(outer, replace(calls, process=calls.thread // 2))
    for found, scope, (start, end, thread) in zip(
        index.tolist(), by_process.tolist(), inner, strict=True
    ):
        around = [(number, r) for number, r in enumerate(given) if r[0] <= start and r[1] >= end]
        same = [r for number, r in around if r[2] == thread and not crosses[number]]
        others = [r for number, r in around if r[2] // 2 == thread // 2 and wide[number]]
        expected = max(same or others, key=lambda r: (r[0], -r[1]), default=None)
        assert (given[found][:2] if found >= 0 else None) == (expected and expected[:2])
        assert scope == bool(not same and others)


def test_a_range_that_was_never_closed_encloses_what_follows() -> None:
    ranges = _spans([(0, OPEN_END, 1), (10, 20, 1)])
    assert innermost_ranges(ranges, _spans([(12, 13, 1), (30, 40, 1)])).tolist() == [1, 0]


def test_a_thousand_nested_ranges_are_searched() -> None:
    ranges = _spans([(i, 2000 - i, 0) for i in range(1000)])
    late = _spans([(1500, 1500, 0), (999, 1001, 0), (0, 2000, 0)])
    assert innermost_ranges(ranges, late).tolist() == [500, 999, 0]
