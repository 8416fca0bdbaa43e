"""Timed calls: from ranges and from the script's clock; busy time and kernels of each."""

from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moeprof.parsers.calls import (
    CallRanges,
    busy_and_gap,
    calls_table,
    cpu_calls,
    find_call_ranges,
    short_kernel_name,
    unsure_calls,
)
from moeprof.parsers.events import NO_CALL, OPEN_END, UNKNOWN_CALL, Spans, Trace
from moeprof.parsers.sqlite_file import connect, immutable_uri
from moeprof.store.recording import PointTiming, Recording, call_range
from moeprof.store.tables.parquet import table_from_columns

COUNTS = st.integers(min_value=0, max_value=10**6)


def _spans(*given: tuple[int, int]) -> Spans:
    start, end = np.asarray(given, dtype=np.int64).reshape(-1, 2).T
    return Spans(start, end, np.zeros(len(start), dtype=np.int64))


def _calls(spans: Spans, *names: str) -> CallRanges:
    return find_call_ranges(spans, pa.array(names, pa.string()))


def test_call_ranges_are_found_by_name_with_and_without_domain() -> None:
    names = ["moeprof:gelu-b4#0.1", "gelu-b4#1.0", "gelu-b4", "torch:step#1", "other#1.x", "a#0.0"]
    calls = _calls(_spans(*[(0, 9)] * 5, (5, OPEN_END)), *names)
    keys = calls.scenario_key.to_pylist()
    found = zip(keys, calls.repeat.tolist(), calls.call.tolist(), strict=True)
    assert list(found) == [("gelu-b4", 0, 1), ("gelu-b4", 1, 0)]


@settings(max_examples=50)
@given(key=st.text(min_size=1), repeat=COUNTS, call=COUNTS)
def test_a_range_name_gives_back_what_it_was_made_of(key: str, repeat: int, call: int) -> None:
    calls = _calls(_spans((0, 1)), f"moeprof:{call_range(key, repeat, call)}")
    found = calls.scenario_key.to_pylist(), calls.repeat.tolist(), calls.call.tolist()
    assert found == ([key], [repeat], [call])


@pytest.mark.parametrize(
    "name",
    ["", "forward", "#1.2", "a#", "a#1", "a#1.", "a#.1", "a#-1.2", "a#1.x", "a#1.9999999999"],
)
def test_a_range_with_any_other_name_is_no_call(name: str) -> None:
    assert not len(_calls(_spans((0, 1)), name).spans)


@settings(max_examples=200)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 30), st.integers(0, 10)), max_size=12))
def test_busy_time_is_the_union_of_intervals_and_gap_the_rest_up_to_the_last_end(
    intervals: list[tuple[int, int, int]],
) -> None:
    columns = np.asarray(intervals, dtype=np.int64).reshape(-1, 3).T
    busy, gap = busy_and_gap(columns[0], columns[1], columns[1] + columns[2], 4)
    for group in range(4):
        own = [(start, start + length) for g, start, length in intervals if g == group]
        union = {moment for start, end in own for moment in range(start, end)}
        assert busy[group] == len(union)
        hull = max(e for _, e in own) - min(s for s, _ in own) if own else 0
        assert gap[group] == hull - len(union)


def _launches(*kernels: tuple[str, int | None, int | None, int]) -> pa.Table:
    return table_from_columns(
        "launches",
        {
            "kernel": [kernel[0] for kernel in kernels],
            "start_ns": [kernel[1] for kernel in kernels],
            "duration_ns": [kernel[2] for kernel in kernels],
            "correlation_id": [kernel[3] for kernel in kernels],
            **{f"grid_{axis}": [2] * len(kernels) for axis in "xyz"},
            **{f"block_{axis}": [32] * len(kernels) for axis in "xyz"},
        },
    )


def _sure(calls: int) -> "npt.NDArray[np.bool_]":
    return np.zeros(calls, dtype=np.bool_)


def test_a_signature_names_the_kernels_in_the_order_of_their_launches() -> None:
    launches = _launches(("void late<int>(int)", 5, 1, 2), ("ns::early(float*)", 9, 1, 1))
    calls = _calls(_spans((0, 3), (4, 5)), "gelu-b4#0.0", "gelu-b4#0.1")
    rows = calls_table(calls, launches, np.asarray([0, 0]), _sure(2), "gelu.0", True).to_pylist()
    assert rows[0]["signature"] == "early <<<2x2x2, 32x32x32>>>; late <<<2x2x2, 32x32x32>>>"
    assert (rows[0]["kernels"], rows[0]["busy_ns"], rows[0]["gap_ns"]) == (2, 2, 3)
    unmeasured = {"busy_ns": None, "gap_ns": None, "signature": None, "wall_ns": None}
    assert rows[1]["kernels"] == 0
    assert unmeasured.items() <= rows[1].items()


def test_a_call_with_an_untimed_kernel_has_no_busy_time_and_keeps_its_kernels() -> None:
    launches = _launches(("a", 5, 1, 1), ("b", 9, 4, 2), ("a", None, None, 3))
    calls = _calls(_spans((0, 3), (4, 5)), "gelu-b4#0.0", "gelu-b4#0.1")
    rows = calls_table(calls, launches, np.asarray([0, 1, 0]), _sure(2), None, True).to_pylist()
    found = [(row["kernels"], row["busy_ns"], row["gap_ns"]) for row in rows]
    assert found == [(2, None, None), (1, 4, 0)]
    assert rows[0]["signature"] == "a <<<2x2x2, 32x32x32>>>; a <<<2x2x2, 32x32x32>>>"


def _unsure(*loose: dict[str, int | None]) -> list[bool]:
    """What calls of 10 to 15, 20 to 25 and 30 to 35 ns are with one kernel each and loose ones."""
    own: list[dict[str, int | None]] = [
        {"start_ns": start, "correlation_id": start} for start in (12, 22, 32)
    ]
    usual: dict[str, int | None] = {
        "duration_ns": 1,
        "process": 7,
        "device": 0,
        "correlation_id": 15,
    }
    kernels = [usual | row for row in (*own, *loose)]
    columns = {name: [row.get(name) for row in kernels] for name in ("start_ns", *usual)}
    launched_by = np.asarray([0, 1, 2, *[NO_CALL, UNKNOWN_CALL, NO_CALL][: len(loose)]])
    launches = table_from_columns("launches", columns)
    trace = Trace(
        launches, _spans((0, 1)), launched_by, _spans(), pa.array([], pa.string()), "", []
    )
    call_index = np.asarray([0, 1, 2, *[-1] * len(loose)])
    return list(unsure_calls(_spans((10, 15), (20, 25), (30, 35)), call_index, trace))


def test_a_kernel_without_launching_call_may_be_of_the_call_that_began_last_before_it() -> None:
    assert _unsure({"start_ns": 14}) == [True, False, False]
    assert _unsure({"start_ns": 29}, {"start_ns": 31}) == [False, True, True]
    assert _unsure({"start_ns": 14, "correlation_id": None}) == [True, False, False]
    assert _unsure({"start_ns": None}) == [False] * 3


@pytest.mark.parametrize(
    "loose",
    [
        {"start_ns": 9},
        {"start_ns": 41},
        {"start_ns": 14, "process": 8},
        {"start_ns": 14, "device": 1},
        {"start_ns": 14, "correlation_id": 11},
    ],
    ids=["before all calls", "long after the last", "process", "device", "queued before recording"],
)
def test_a_kernel_that_can_be_of_no_call_leaves_their_times(loose: dict[str, int | None]) -> None:
    assert _unsure(loose) == [False] * 3


def test_a_call_whose_kernels_are_not_known_has_no_busy_time() -> None:
    calls = _calls(_spans((0, 3), (4, 5)), "gelu-b4#0.0", "gelu-b4#0.1")
    launches, unsure = _launches(("a", 5, 1, 1), ("b", 9, 4, 2)), np.asarray([True, False])
    rows = calls_table(calls, launches, np.asarray([0, 1]), unsure, None, True).to_pylist()
    found = [(row["kernels"], row["busy_ns"], row["gap_ns"]) for row in rows]
    assert found == [(1, None, None), (1, 4, 0)]


@pytest.mark.parametrize(("on_gpu", "wall_ns"), [(False, 3), (True, None)])
def test_the_range_gives_the_wall_time_on_a_cpu_only(on_gpu: bool, wall_ns: int | None) -> None:
    calls = _calls(_spans((10, 13)), "gelu-b4#0.0")
    nothing = np.zeros(0, dtype=np.int64)
    (row,) = calls_table(calls, _launches(), nothing, _sure(1), None, on_gpu).to_pylist()
    assert row["wall_ns"] == wall_ns
    assert row["start_ns"] == 10


def test_each_call_timed_by_the_script_is_a_row(recording: Callable[..., Recording]) -> None:
    timings = [
        PointTiming("gelu-b4", 0, 2, (10, 12), 0, 1),
        PointTiming("gelu-b4", 1, 1, (11,), 2, 3),
    ]
    rows = cpu_calls(recording(timings)).to_pylist()
    found = [(row["scenario_key"], row["visit"], row["call"], row["wall_ns"]) for row in rows]
    assert found == [("gelu-b4", 0, 0, 10), ("gelu-b4", 0, 1, 12), ("gelu-b4", 1, 0, 11)]
    assert {row["busy_ns"] for row in rows} == {None}


def test_a_recording_without_timings_has_no_rows(recording: Callable[..., Recording]) -> None:
    assert cpu_calls(recording()).num_rows == 0


@pytest.mark.parametrize(
    ("demangled", "short"),
    [
        ("_topk_kernel", "_topk_kernel"),
        ("saxpy(double *, int)", "saxpy"),
        ("void a::b<(int)4, c<d> >(T1, T2)", "b"),
        ("void a::(anonymous namespace)::norm<float, (bool)0>(int)", "norm"),
        ("void a::<unnamed>::cat<b<(unsigned int)2>>(int)", "cat"),
        ("void a::k<f(x &)::[lambda() (instance 1)]::operator ()() const>(int)", "k"),
        ("", ""),
    ],
)
def test_a_short_name_has_no_parameters_and_namespaces(demangled: str, short: str) -> None:
    assert short_kernel_name(demangled) == short


def test_the_short_name_is_the_one_that_nsys_gives(sample_data: Path) -> None:
    checked: Counter[bool] = Counter()
    for path in sorted((sample_data / "nsys").glob("*.sqlite")):
        with closing(connect(immutable_uri(path))) as connection:
            pairs = connection.execute(
                "select distinct d.value, s.value from CUPTI_ACTIVITY_KIND_KERNEL"
                " join StringIds d on d.id = demangledName"
                " join StringIds s on s.id = shortName"
            ).fetchall()
        checked.update(short_kernel_name(demangled) == short for demangled, short in pairs)
    assert checked[True] > 50
    assert checked[False] == 0
