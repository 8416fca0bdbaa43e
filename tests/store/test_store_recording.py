"""Ranges are named so that they can be read back; raw files are the ones recorded."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moeprof.store.errors import BadInput
from moeprof.store.recording import Recording, call_range, raw_file, sha256_of, split_call_range

COUNTS = st.integers(min_value=0, max_value=10**6)


@settings(max_examples=50, deadline=None)
@given(key=st.text(), visit=COUNTS, call=COUNTS)
def test_a_range_name_gives_back_what_it_was_made_of(key: str, visit: int, call: int) -> None:
    assert split_call_range(call_range(key, visit, call)) == (key, visit, call)


@pytest.mark.parametrize("name", ["", "forward", "a#", "a#1", "a#1.", "a#.1", "a#-1.2", "a#1.x"])
def test_any_other_name_is_no_range_of_ours(name: str) -> None:
    assert split_call_range(name) is None


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
