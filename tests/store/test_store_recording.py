"""Ranges are named so that they can be read back; raw files are the ones recorded."""

from dataclasses import replace
from pathlib import Path

import pytest

from moeprof.store.errors import BadInput
from moeprof.store.recording import Recording, raw_file, sha256_of


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
