"""Whatever a file holds: it is parsed, or refused in one sentence; it never crashes.

Two thousand cases and more, a few milliseconds each: exports with tables, columns and values of
any kind left out, added or of the wrong type, and traces with bytes changed, cut or repeated.
"""

import contextlib
import json
import sqlite3
import uuid
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from moeprof.parsers.trace_file import parse_trace
from moeprof.store.errors import BadInput
from moeprof.tests.nsys_file import NsysFile

TYPE = 281479271677952
FUZZ = settings(
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    database=None,
    derandomize=True,
)
VALUES = st.one_of(
    st.none(),
    st.sampled_from([0, 1, -1, 2**31, -(2**31), 2**63 - 1, -(2**63), 59, 75, TYPE, 4242 << 24]),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=True),
    st.text(max_size=8),
    st.sampled_from(["", "{", "[1]", '{"SM Active": "x"}', '{"SM Active": "1", "Power": 3}']),
    st.binary(max_size=8),
)


def _fill(file: NsysFile) -> None:
    file.add("TARGET_INFO_GPU", id=0, name="GPU")
    file.add("TARGET_INFO_CUDA_DEVICE", gpuId=0, cudaId=0, pid=4242)
    file.add("TARGET_INFO_GPU_METRICS", typeId=TYPE, metricId=0, metricName="SM Active")
    for time in range(10, 60, 10):
        file.add("GPU_METRICS", timestamp=time, typeId=TYPE, metricId=0, value=time)
    data = json.dumps({"Power": "60000", "Temperature": "40"})
    file.add("GENERIC_EVENTS", genericEventId=1, timestamp=20, typeId=TYPE + 1, data=data)
    file.add("GENERIC_EVENT_DATA", genericEventId=1, fieldIdx=0, intVal=5)
    file.add("GENERIC_EVENT_TYPE_FIELDS", typeId=TYPE, fieldIdx=0,
             fieldNameId=file.string("SM Active"), type=1)  # fmt: skip
    file.add("DIAGNOSTIC_EVENT", timestamp=1, severity=2, text="CUDA")
    file.domain(1, "moeprof")
    for call in range(3):
        file.call(100 * call, 100 * call + 40, f"gelu-b4#0.{call}", correlation=call)


@pytest.fixture(scope="module")
def intact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = NsysFile(tmp_path_factory.mktemp("intact") / "t.sqlite")
    _fill(file)
    return file.close()


def _survives(path: Path) -> None:
    message = "parsed"
    try:
        for _, piece in parse_trace(path).pieces:
            piece.validate()
    except BadInput as refusal:
        message = refusal.message
    finally:
        path.unlink()
    assert len(message.splitlines()) == 1, message


STATEMENTS = st.tuples(
    st.sampled_from(["set", "set", "set", "insert", "drop", "rename"]),
    st.sampled_from(
        [
            (table, column.split()[0])
            for table, columns in NsysFile.columns.items()
            for column in columns.split(", ")
        ]
    ),
    VALUES,
)


def _damage(database: sqlite3.Connection, kind: str, table: str, column: str, value: Any) -> None:
    sql, values = {
        "set": (f'UPDATE "{table}" SET "{column}" = ?', [value]),
        "insert": (f'INSERT INTO "{table}" ("{column}") VALUES (?)', [value]),
        "drop": (f'DROP TABLE "{table}"', []),
        "rename": (f'ALTER TABLE "{table}" RENAME COLUMN "{column}" TO "was {column}"', []),
    }[kind]
    with contextlib.suppress(sqlite3.Error, UnicodeEncodeError):  # no such table; half a surrogate
        database.execute(sql, values)


@settings(FUZZ, max_examples=1000)
@given(statements=st.lists(STATEMENTS, min_size=1, max_size=4))
def test_any_schema_and_any_values(
    tmp_path: Path, intact: Path, statements: list[tuple[str, tuple[str, str], Any]]
) -> None:
    path = tmp_path / f"{uuid.uuid4().hex}.sqlite"
    path.write_bytes(intact.read_bytes())
    database = sqlite3.connect(path)
    for kind, (table, column), value in statements:
        _damage(database, kind, table, column, value)
    database.commit()
    database.close()
    _survives(path)


EDITS = st.lists(
    st.tuples(st.integers(0, 2**20), st.binary(min_size=1, max_size=64)), min_size=1, max_size=8
)


@settings(FUZZ, max_examples=700)
@given(edits=EDITS, kept_percent=st.sampled_from([100, 100, 100, 60]))
def test_any_bytes_of_an_export(
    tmp_path: Path, intact: Path, edits: list[tuple[int, bytes]], kept_percent: int
) -> None:
    changed = bytearray(intact.read_bytes())
    for place, new in edits:
        at = place % len(changed)
        changed[at : at + len(new)] = new
    path = tmp_path / f"{uuid.uuid4().hex}.sqlite"
    path.write_bytes(changed[: len(changed) * kept_percent // 100])
    _survives(path)


KERNEL = {
    "ph": "X", "cat": "kernel", "name": "k", "pid": 0, "tid": 7, "ts": 5.5, "dur": 2,
    "args": {"correlation": 1, "grid": [1, 1, 1], "block": [32, 1, 1], "device": 0, "stream": 7},
}  # fmt: skip
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5))
JSON = st.one_of(
    SCALARS,
    st.lists(SCALARS, max_size=3),
    st.dictionaries(st.text(max_size=5), SCALARS, max_size=3),
)


@settings(FUZZ, max_examples=400)
@given(key=st.sampled_from([*KERNEL, "grid", "block", "correlation", "device"]), value=JSON)
def test_any_event_of_kineto(tmp_path: Path, key: str, value: Any) -> None:
    event = json.loads(json.dumps(KERNEL))
    (event["args"] if key in KERNEL["args"] else event)[key] = value  # type: ignore[operator]
    path = tmp_path / f"{uuid.uuid4().hex}.json"
    path.write_text(json.dumps({"traceEvents": [event, KERNEL]}))
    _survives(path)


PAGE = b'"ID","Process ID","Kernel Name","gpu__time_duration.sum"\n"","","","ns"\n"0","1","k","5"\n'


@settings(FUZZ, max_examples=300)
@given(at=st.integers(0, len(PAGE)), new=st.binary(max_size=20), cut=st.integers(0, 40))
def test_any_bytes_of_a_page_of_ncu(tmp_path: Path, at: int, new: bytes, cut: int) -> None:
    path = tmp_path / f"{uuid.uuid4().hex}.csv"
    path.write_bytes(PAGE[:at] + new + PAGE[at + cut :])
    _survives(path)
