"""Launching call and range of a kernel: the same as from an exhaustive search."""

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from moeprof.parsers.attribution import (
    CorrelationIds,
    enclosing_ranges,
    far_from_launch,
    innermost_ranges,
    launching_calls,
)
from moeprof.parsers.events import NOWHERE, OPEN_END, Spans

Span = tuple[int, int, int]

spans = st.tuples(st.integers(0, 30), st.integers(0, 15), st.integers(0, 2)).map(
    lambda s: (s[0], s[0] + s[1], s[2])
)


def _spans(given: list[Span]) -> Spans:
    columns = np.asarray(given, dtype=np.int64).reshape(-1, 3)
    return Spans(columns[:, 0], columns[:, 1], columns[:, 2])


def _ids(given: list[tuple[int, int | None]]) -> CorrelationIds:
    known = np.asarray([correlation is not None for _, correlation in given], dtype=bool)
    return CorrelationIds(
        np.asarray([process for process, _ in given], dtype=np.int64),
        np.asarray([correlation or 0 for _, correlation in given], dtype=np.int64),
        known,
    )


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


@settings(max_examples=100)
@given(
    kernels=st.lists(st.tuples(st.integers(0, 2), st.none() | st.integers(0, 4)), max_size=8),
    calls=st.lists(
        st.tuples(st.integers(0, 2), st.none() | st.integers(0, 4), st.integers(0, 9)), max_size=8
    ),
)
def test_a_kernel_belongs_to_the_call_of_its_id_and_process(
    kernels: list[tuple[int, int | None]], calls: list[tuple[int, int | None, int]]
) -> None:
    times = _spans([(start, start + 5, 0) for _, _, start in calls])
    found = launching_calls(_ids(kernels), _ids([(p, c) for p, c, _ in calls]), times)
    for index, (process, correlation) in zip(found.tolist(), kernels, strict=True):
        same = [c for c in calls if correlation is not None and c[:2] == (process, correlation)]
        if not same:
            assert index == -1
        else:
            assert calls[index] in same
            assert calls[index][2] == min(start for *_, start in same)


def test_a_kernel_is_far_from_its_launch_by_a_second_before_and_a_day_after() -> None:
    api = _spans([(2 * 10**9, 2 * 10**9 + 5, 0)])
    starts = np.asarray([10**9, 10**9 - 1, 86_402 * 10**9, 86_402 * 10**9 + 1, -(10**18)])
    launched_by = np.asarray([0, 0, 0, 0, -1])
    far = far_from_launch(starts, launched_by, api)
    assert far.tolist() == [False, True, False, True, False]


def test_the_outer_of_runtime_and_driver_call_is_the_launching_one() -> None:
    both = _ids([(1, 9), (1, 9)])
    driver_first = _spans([(12, 18, 0), (10, 20, 0)])
    assert launching_calls(_ids([(1, 9)]), both, driver_first).tolist() == [1]
