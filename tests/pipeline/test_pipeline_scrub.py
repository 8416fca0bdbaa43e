"""A trace is scrubbed into another file."""

import json
from pathlib import Path

import pytest

from moeprof.parsers.messages import Refusal
from moeprof.pipeline.scrub import scrub
from moeprof.store.errors import BadInput


def test_the_copy_is_named_and_the_trace_is_kept(tmp_path: Path) -> None:
    trace = tmp_path / "trace.json"
    trace.write_text(json.dumps({"traceEvents": [], "host": "secret"}))
    before = trace.read_bytes()
    copy = scrub(str(trace), tmp_path / "copy.json").path
    assert "secret" not in copy.read_text()
    assert trace.read_bytes() == before
    with pytest.raises(BadInput, match=Refusal.SAME_FILE):
        scrub(trace, trace)
