"""Windows of ranges on a GPU, and the kernels of others in them, held against plain loops."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moeprof.energy.nvtx_windows import RangedLaunches, Windows, others_share, range_windows

Launch = tuple[int, int, int, int]  # occurrence, start, duration, GPU


def _launches(names: Sequence[str], rows: Sequence[Launch]) -> RangedLaunches:
    columns = np.array(sorted(rows, key=lambda row: row[1]), np.int64).reshape(-1, 4).T
    occurrence, start_ns, duration_ns, gpu = columns
    named = pa.array(list(names), pa.string()).dictionary_encode()
    return RangedLaunches(occurrence.astype(np.int32), named, start_ns, duration_ns, gpu)


def _rows(names: Sequence[str], windows: Windows) -> list[tuple[object, ...]]:
    columns = (windows.gpu, windows.begin_ns, windows.end_ns, windows.occurrences, windows.launches)
    distinct = list(dict.fromkeys(names))
    found = [distinct[place] for place in windows.name.tolist()]
    return list(zip(found, *(column.tolist() for column in columns), strict=True))


def test_a_window_reaches_from_the_first_kernel_to_the_last_end_on_each_gpu() -> None:
    names = ["fc1", "gelu"]
    rows = [
        (0, 10, 5, 0),
        (0, 20, 30, 0),
        (0, 25, 5, 0),
        (0, 12, 3, 1),
        (1, 70, 1, 0),
        (-1, 0, 9, 0),
    ]
    windows = range_windows(_launches(names, rows))
    assert _rows(names, windows) == [
        ("fc1", 0, 10, 50, 1, 3),
        ("fc1", 1, 12, 15, 1, 1),
        ("gelu", 0, 70, 71, 1, 1),
    ]
    assert windows.busy_ns.tolist() == [40, 3, 1]


def test_occurrences_of_one_name_that_overlap_share_a_window() -> None:
    names = ["fc1", "fc1", "fc1", "gelu"]
    rows = [(0, 0, 100, 0), (1, 10, 20, 0), (2, 100, 10, 0), (3, 50, 100, 0)]
    assert _rows(names, range_windows(_launches(names, rows))) == [
        ("fc1", 0, 0, 100, 2, 2),
        ("fc1", 0, 100, 110, 1, 1),
        ("gelu", 0, 50, 150, 1, 1),
    ]


def test_an_untimed_kernel_counts_as_a_launch_and_makes_its_window_untimed() -> None:
    names = ["fc1", "fc1", "gelu"]
    timed, untimed = [(0, 10, 5, 0), (1, 12, 9, 0)], [(1, -1, -1, 0), (2, -1, -1, 0)]
    columns = np.array([*timed, *untimed], np.int64).T
    named = pa.array(names).dictionary_encode()
    launches = RangedLaunches(columns[0].astype(np.int32), named, *columns[1:])
    windows = range_windows(launches)
    assert _rows(names, windows) == [("fc1", 0, 10, 21, 2, 3), ("gelu", 0, -1, -1, 1, 1)]
    assert (windows.timed.tolist(), windows.busy_ns.tolist()) == ([False, False], [14, 0])
    assert others_share(launches, windows, np.array([0])).tolist() == [0.0]


def test_without_ranges_there_are_no_windows() -> None:
    assert len(range_windows(_launches([], []))) == 0
    assert len(range_windows(_launches(["fc1"], [(-1, 0, 5, 0)]))) == 0


launch = st.tuples(st.integers(-1, 5), st.integers(0, 200), st.integers(0, 60), st.integers(-1, 1))


@settings(max_examples=200)
@given(rows=st.lists(launch, max_size=30), epoch_ns=st.sampled_from([0, 1_700_000_000 * 10**9]))
def test_windows_hold_every_kernel_once_and_others_are_counted(
    rows: list[Launch], epoch_ns: int
) -> None:
    names = ["a", "b", "a", "c", "b", "a"]
    rows = [(each, epoch_ns + start, length, gpu) for each, start, length, gpu in rows]
    launches = _launches(names, rows)
    windows = range_windows(launches)
    assert windows.launches.sum() == sum(each >= 0 for each, *_ in rows)
    assert windows.busy_ns.sum() == sum(length for each, _, length, _ in rows if each >= 0)
    codes = {"a": 0, "b": 1, "c": 2}
    for gpu in (0, 1):
        chosen = np.flatnonzero((windows.gpu == gpu) & (windows.end_ns > windows.begin_ns))
        if not len(chosen):
            continue
        for at, share in zip(chosen, others_share(launches, windows, chosen), strict=True):
            begin, end = int(windows.begin_ns[at]), int(windows.end_ns[at])
            others = sum(
                max(0, min(start + length, end) - max(start, begin))
                for each, start, length, where in rows
                if where == gpu and (each < 0 or codes[names[each]] != windows.name[at])
            )
            assert share * (end - begin) == pytest.approx(others, abs=1e-6)
