"""One recording to the pieces of its tables; the tables of a whole run: tests/pipeline."""

from pathlib import Path

import pytest

from moeprof.parsers.recording_tables import recording_tables
from moeprof.store.errors import BadInput
from moeprof.store.recording import CollectorName, PointTiming
from moeprof.tests.builders import make_recording, make_scenario

TIMING = PointTiming(make_scenario(4).key, 0, 2, (1000, 1100), 0, 1)


def test_the_cpu_collectors_calls_are_in_the_recording_itself(tmp_path: Path) -> None:
    pieces, warnings = recording_tables(tmp_path, make_recording([TIMING]))
    ((name, calls),) = pieces
    assert (name, calls.num_rows, warnings) == ("calls", 2, ())


def test_a_recording_without_a_timing_has_no_pieces(tmp_path: Path) -> None:
    recording = make_recording((), collector=CollectorName.NSYS)
    assert recording_tables(tmp_path, recording) == ([], ())


def test_an_unknown_collector_is_refused_with_those_that_are_known(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="'rocprof'") as caught:
        recording_tables(tmp_path, make_recording([TIMING], collector="rocprof"))
    assert "nsys" in caught.value.message


def test_a_missing_raw_file_is_refused_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="0 files") as caught:
        recording_tables(tmp_path, make_recording([TIMING], collector=CollectorName.NSYS))
    assert "--resume" in caught.value.hint
