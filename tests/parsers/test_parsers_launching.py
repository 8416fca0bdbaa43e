"""The launching call of a kernel: the same as from an exhaustive search."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moeprof.parsers.events import NO_CALL, NOWHERE, OPEN_END, UNKNOWN_CALL, Spans
from moeprof.parsers.launching import CorrelationIds, far_from_launch, launching_calls

Span = tuple[int, int, int]


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


@settings(max_examples=300)
@given(
    kernels=st.lists(
        st.tuples(st.integers(0, 2), st.none() | st.integers(0, 4), st.integers(0, 40)), max_size=8
    ),
    calls=st.lists(
        st.tuples(
            st.integers(0, 2), st.none() | st.integers(0, 4), st.integers(0, 30), st.integers(1, 9)
        ),
        max_size=12,
    ),
)
def test_a_kernel_belongs_to_the_last_outer_call_of_its_id_and_process_before_it(
    kernels: list[tuple[int, int | None, int]], calls: list[tuple[int, int | None, int, int]]
) -> None:
    times = _spans([(start, start + length, 0) for _, _, start, length in calls])
    starts = np.asarray([start for _, _, start in kernels], dtype=np.int64)
    found, unsure = launching_calls(
        _ids([k[:2] for k in kernels]), _ids([c[:2] for c in calls]), times, starts
    )
    expected_unsure = 0
    for index, (process, correlation, start) in zip(found.tolist(), kernels, strict=True):
        same = [c for c in calls if correlation is not None and c[:2] == (process, correlation)]
        outer: list[tuple[int, int | None, int, int]] = []
        until = -1
        for call in sorted(same, key=lambda c: (c[2], -c[3])):
            if call[2] >= until:
                outer.append(call)
            until = max(until, call[2] + call[3])
        before = [call for call in outer if call[2] <= start]
        expected = before[-1] if before else outer[0] if outer else None
        assert (calls[index] if index >= 0 else None) == expected
        expected_unsure += len(outer) > 1 and len(before) != 1
    assert unsure == expected_unsure


def test_an_untimed_kernel_is_of_the_last_call_and_not_sure() -> None:
    twice = _ids([(1, 9), (1, 9)])
    found = launching_calls(
        _ids([(1, 9)]), twice, _spans([(30, 31, 0), (10, 20, 0)]), np.asarray([OPEN_END])
    )
    assert (found.launched_by.tolist(), found.unsure) == ([0], 1)


@pytest.mark.parametrize(
    ("kernel", "launched_by"),
    [((1, 9), UNKNOWN_CALL), ((NOWHERE, 9), UNKNOWN_CALL), ((1, 8), NO_CALL), ((1, None), NO_CALL)],
)
def test_a_call_without_place_and_a_kernel_without_process_are_told_from_no_call(
    kernel: tuple[int, int | None], launched_by: int
) -> None:
    calls, start_ns = _spans([(10, 20, NOWHERE)]), np.asarray([30])
    found, _ = launching_calls(_ids([kernel]), _ids([(1, 9)]), calls, start_ns)
    assert found.tolist() == [launched_by]


@pytest.mark.parametrize("calls", [[(12, 18, 0), (10, 20, 0)], [(10, 20, 0), (10, 15, 0)]])
def test_the_outer_of_runtime_and_driver_call_is_the_launching_one(calls: list[Span]) -> None:
    found = launching_calls(_ids([(1, 9)]), _ids([(1, 9)] * 2), _spans(calls), np.asarray([50]))
    outer = calls.index(max(calls, key=lambda call: call[1] - call[0]))
    assert (found.launched_by.tolist(), found.unsure) == ([outer], 0)


def test_a_kernel_is_far_from_its_launch_by_a_second_before_and_a_day_after() -> None:
    api = _spans([(2 * 10**9, 2 * 10**9 + 5, 0)])
    starts = np.asarray([10**9, 10**9 - 1, 86_402 * 10**9, 86_402 * 10**9 + 1, -(10**18)])
    launched_by = np.asarray([0, 0, 0, 0, -1])
    far = far_from_launch(starts, launched_by, api)
    assert far.tolist() == [False, True, False, True, False]
