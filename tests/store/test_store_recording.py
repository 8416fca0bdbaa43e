"""Ranges are named so that they can be read back; raw files are the ones recorded."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from moeprof.store.document import read_document, to_json
from moeprof.store.errors import BadInput
from moeprof.store.provenance import Surroundings
from moeprof.store.recording import MOST_CALLS, Load, PointTiming, Recording, raw_file, sha256_of


def test_a_raw_file_is_given_only_as_it_was_recorded(tmp_path: Path, recording: Recording) -> None:
    path = tmp_path / "times.json"
    path.write_text("[1]")
    kept = replace(recording, files={"times.json": sha256_of(path)})
    assert raw_file(tmp_path, kept, "times.json") == path
    path.write_text("[2]")
    with pytest.raises(BadInput, match="sha256 differs"):
        raw_file(tmp_path, kept, "times.json")
    path.unlink()
    with pytest.raises(BadInput, match="is missing"):
        raw_file(tmp_path, kept, "times.json")


def test_surroundings_are_those_of_repeats_then_of_loads(recording: Recording) -> None:
    busy, hot = Surroundings(gpu_processes=1), Surroundings(slowed_by=("heat",))
    timing = PointTiming("key", 0, 1, (1,), 0, 1, busy)
    loads = (
        Load("operation", "key", 0, (0,), (0,), surroundings=hot),
        Load("idle", None, 0, (0,), (0,)),
    )
    kept = replace(recording, served=(timing,), loads=loads)
    assert kept.surroundings == [busy, hot, None]


def test_a_file_that_the_recording_does_not_name_is_refused(
    tmp_path: Path, recording: Recording
) -> None:
    with pytest.raises(BadInput, match=r"recording\.json names no file 'power\.csv'"):
        raw_file(tmp_path, recording, "power.csv")


@pytest.mark.parametrize(
    ("marks_ns", "launches", "complaint"),
    [
        ((0, 10, 20), (0, 5), "has 3 marks_ns and 2 launches"),
        ((), (), "has no marks_ns"),
        ((0, 20, 10), (0, 5, 9), "marks_ns that do not ascend"),
        ((0, 10, 20), (0, 9, 5), "launches that do not ascend"),
    ],
)
def test_a_load_counts_its_launches_at_each_mark(
    marks_ns: tuple[int, ...], launches: tuple[int, ...], complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint):
        Load("operation", "a", 0, marks_ns, launches)


def test_a_load_that_contradicts_itself_is_refused_by_its_place(
    tmp_path: Path, recording: Recording
) -> None:
    load = Load("idle", None, 0, (0, 10), (0, 0))
    body = json.loads(to_json(replace(recording, loads=(load,))))
    body["loads"][0]["launches"] = [0]
    (tmp_path / "recording.json").write_text(json.dumps(body))
    with pytest.raises(BadInput, match=r"loads\.0: has 2 marks_ns and 1 launches"):
        read_document(tmp_path / "recording.json", Recording)


@pytest.mark.parametrize(
    ("collector", "calls", "calls_ns", "complaint"),
    [
        ("cpu", 3, (10, 11), "has 2 calls_ns for 3 calls"),
        ("nsys", 3, (10, 11), "has 2 calls_ns for 3 calls"),
        ("cpu", 0, (), "has 0 calls_ns for 0 calls"),
        ("kineto", 0, (), "has 0 calls_ns for 0 calls"),
        ("cpu", 10, (10,) * 8 + (0, 0), "has 2 calls_ns of 0, of 10"),
    ],
)
def test_times_that_no_repeat_can_have_are_refused(
    recording: Recording,
    collector: str,
    calls: int,
    calls_ns: tuple[int, ...],
    complaint: str,
) -> None:
    timing = replace(recording.served[0], calls=calls, calls_ns=calls_ns)
    with pytest.raises(ValueError, match=complaint):
        replace(recording, served=(timing,), collector=collector)


def test_counters_and_the_clock_beside_a_trace_need_no_times(recording: Recording) -> None:
    counted = replace(recording.served[0], calls=1, calls_ns=())
    traced = replace(recording.served[0], calls=2, calls_ns=(0, 0))
    assert replace(recording, served=(counted,), collector="ncu").served == (counted,)
    assert replace(recording, served=(traced,), collector="nsys").served == (traced,)


def test_a_repeat_that_is_timed_twice_is_refused(recording: Recording) -> None:
    with pytest.raises(ValueError, match="times a repeat of a scenario twice"):
        replace(recording, served=recording.served * 2)


def test_a_recording_of_more_calls_than_a_sweep_makes_is_refused(recording: Recording) -> None:
    calls = MOST_CALLS + 1
    timing = PointTiming(recording.scenarios[0].key, 0, calls, (1,) * calls, 1, 2)
    with pytest.raises(ValueError, match="calls_ns"):
        replace(recording, served=(timing,))
