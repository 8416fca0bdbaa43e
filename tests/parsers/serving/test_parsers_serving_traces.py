"""Files of traces are known by their content, and tell rows, requests and what was left out."""

import gzip
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from moeprof.parsers.serving.traces import TraceKind, read_traces, trace_kind
from moeprof.store.errors import BadInput
from moeprof.tests.parsers.serving.traced_engine import (
    Request,
    Step,
    document,
    span,
    step_spans,
    write_lines,
)

STEPS = [Step(at + 1, 9000.0 * at, 9000.0, 8, waiting=2) for at in range(130)]
REQUESTS = [
    Request(f"r{at}", 9000.0 * step, 90.0, 400.0, 9e3, 9e3, 50.0, 100, 20, queued_step=step)
    for at, step in enumerate((40, 110, 120))
]
STORED = [1.0, [["BlockStored", [1], None, [2], 32, None, "GPU", None]], None, 3]


def traced(folder: Path) -> Path:
    spans = [*step_spans(STEPS), *(one for request in REQUESTS for one in request.spans())]
    return write_lines(folder / "traces.json", [document([span]) for span in spans])


def events(folder: Path) -> Path:
    (path := folder / "kv_events.jsonl").write_text(json.dumps(STORED) + "\n")
    return path


def test_a_file_is_known_by_its_content(tmp_path: Path) -> None:
    assert trace_kind(traced(tmp_path)) is TraceKind.OTLP
    assert trace_kind(events(tmp_path)) is TraceKind.KV_EVENTS
    (packed := tmp_path / "packed").write_bytes(gzip.compress(traced(tmp_path).read_bytes()))
    assert trace_kind(packed) is TraceKind.OTLP
    pq.write_table(
        pa.table({"step_id": [1], "step_duration_us": [2]}), table := tmp_path / "t.parquet"
    )
    assert trace_kind(table) is TraceKind.STEP_TABLE
    for text in ("", "{}", "[1, 2]", '{"duration": 3}', "[{}]"):
        (other := tmp_path / "other").write_text(text)
        assert trace_kind(other) is None


def test_a_trace_tells_steps_and_requests(tmp_path: Path) -> None:
    path = traced(tmp_path)
    found = read_traces([path])[path]
    assert len(found.rows) == 30
    assert found.requests is not None
    assert found.requests.columns["wait_us"] == pytest.approx([400, 400], abs=0.2)
    assert found.requests.columns["waiting"].tolist() == [2, 2]
    assert found.notes == {
        "steps left out: the first 100 of their run": 100,
        "requests left out: queued in the first 100 steps": 1,
    }


def test_a_packed_copy_has_the_names_of_the_trace(tmp_path: Path) -> None:
    path, packed = traced(tmp_path), tmp_path / "packed.json.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    plain, unpacked = read_traces([path, packed]).values()
    assert plain.rows == unpacked.rows
    assert plain.requests is not None
    assert unpacked.requests is not None
    assert plain.requests.name == unpacked.requests.name


def test_events_of_the_cache_tell_the_size_of_a_block(tmp_path: Path) -> None:
    path, beside = traced(tmp_path), events(tmp_path)
    found = read_traces([beside, path])
    assert found[path].rows[0].ctx == pytest.approx(0.3 * 10_000 * 32 / 8)
    assert found[beside].notes == {"events BlockStored of the cache": 1}


def test_events_of_the_cache_alone_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="tell of no step by themselves"):
        read_traces([events(tmp_path)])


def test_spans_of_something_else_are_refused(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "traces.json", [document([])])
    with pytest.raises(BadInput, match="neither steps nor journeys"):
        read_traces([path])


def test_a_file_that_is_packed_by_zstd_says_how_to_unpack_it(tmp_path: Path) -> None:
    (path := tmp_path / "traces.json").write_bytes(b"\x28\xb5\x2f\xfd rest")
    with pytest.raises(BadInput, match="packed by zstd") as refusal:
        trace_kind(path)
    assert "zstd -d" in refusal.value.hint


def test_other_files_are_passed_over(tmp_path: Path) -> None:
    (other := tmp_path / "result.json").write_text('{"duration": 3}')
    assert read_traces([other]) == {}


def test_requests_of_released_vllm_become_rows_of_mean_steps(tmp_path: Path) -> None:
    spans = []
    for at in range(400):
        attributes = {
            "gen_ai.latency.time_in_queue": 0.001, "gen_ai.latency.time_in_model_prefill": 0.05,
            "gen_ai.latency.time_in_model_decode": 0.99, "gen_ai.usage.prompt_tokens": 300,
            "gen_ai.usage.completion_tokens": 100,
        }  # fmt: skip
        one = span("llm_request", (f"t{at}", f"s{at}", ""), [], **attributes)
        one["startTimeUnixNano"] = str(1_790_000_000_000_000_000 + 100_000_000 * at)
        spans.append(one)
    path = write_lines(tmp_path / "traces.json", [document(spans)])
    found = read_traces([path])[path]
    assert len(found.rows) == 20
    assert found.rows[0].batch == pytest.approx(9.9, rel=0.02)
    assert found.rows[0].tpot_ms == pytest.approx(10)
    assert found.requests is not None
    assert len(found.requests.name) == 400
