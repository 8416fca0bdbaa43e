"""Opening an nsys export: which files are accepted, and which are refused and why."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from moeprof.parsers.messages import Refusal, TraceWarning
from moeprof.parsers.nsys.export import open_export
from moeprof.store.errors import BadInput
from moeprof.tests.nsys_file import NsysFile


@pytest.mark.parametrize("version", ["2.9.1", "3.1.2", "3.4.0", "3.25.0", "3.28.1"])
def test_known_versions_open_from_either_metadata_table(
    nsys_file: Callable[..., NsysFile], version: str
) -> None:
    with open_export(nsys_file(version).close()) as export:
        assert export.warnings == []


def test_a_newer_minor_version_gives_a_warning(nsys_file: Callable[..., NsysFile]) -> None:
    with open_export(nsys_file("3.99.0").close()) as export:
        (warning,) = export.warnings
    assert f"3.99.0 {TraceWarning.NEWER_SCHEMA}" in warning


def refusal(path: Path) -> BadInput:
    """The error with which an export is refused; it names the file."""
    with pytest.raises(BadInput) as raised, open_export(path):
        pass
    assert str(path) in raised.value.message
    return raised.value


def test_an_unknown_major_version_is_refused_by_its_number(
    nsys_file: Callable[..., NsysFile],
) -> None:
    error = refusal(nsys_file("4.0.0").close())
    assert "4.0.0" in error.message
    assert error.hint


def test_a_database_without_a_version_and_tables_of_nsys_is_refused(
    nsys_file: Callable[..., NsysFile],
) -> None:
    file = nsys_file("")
    file.table("CUPTI_ACTIVITY_KIND_KERNEL", "_id_ INTEGER, start INTEGER, name INTEGER")
    error = refusal(file.close())
    assert Refusal.OTHER_DATABASE in error.message
    assert "nsys export" in error.hint


@pytest.mark.parametrize(
    "table",
    [
        "CUPTI_ACTIVITY_KIND_KERNEL",
        "CUPTI_ACTIVITY_KIND_RUNTIME",
        "NVTX_EVENTS",
        "GPU_METRICS",
        "GENERIC_EVENTS",
    ],
)
@pytest.mark.parametrize("metadata", [{}, {"name": "EXPORT_ARCH", "value": "x64"}])
def test_without_a_version_the_columns_tell_that_it_is_of_nsys(
    nsys_file: Callable[..., NsysFile], table: str, metadata: dict[str, str]
) -> None:
    file = nsys_file("")
    file.table(table)
    if metadata:
        file.add("META_DATA_EXPORT", **metadata)
    with open_export(file.close()) as export:
        (warning,) = export.warnings
    assert TraceWarning.UNKNOWN_SCHEMA in warning


@pytest.mark.parametrize("version", ["three", "-3.1", "3.x", "9" * 5000])
def test_a_version_that_is_no_number_is_unknown(
    nsys_file: Callable[..., NsysFile], version: str
) -> None:
    file = nsys_file("")
    file.add("META_DATA_EXPORT", name="EXPORT_SCHEMA_VERSION", value=version)
    with open_export(file.close()) as export:
        (warning,) = export.warnings
    assert TraceWarning.UNKNOWN_SCHEMA in warning


def test_a_database_of_nvprof_is_refused(nsys_file: Callable[..., NsysFile]) -> None:
    file = nsys_file("")
    file.table("CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL", "_id_ INTEGER")
    file.table("StringTable", "_id_ INTEGER, value TEXT")
    error = refusal(file.close())
    assert Refusal.NVPROF in error.message
    assert "nsys profile" in error.hint


def test_missing_tables_and_columns_are_null(nsys_file: Callable[..., NsysFile]) -> None:
    file = nsys_file()
    file.table("NVTX_EVENTS", "start INTEGER, extra TEXT")
    file.add("NVTX_EVENTS", start=3, extra="x")
    with open_export(file.close()) as export:
        assert export.read("GPU_METRICS", ["value"]).num_rows == 0
        rows = export.read("NVTX_EVENTS", ["start", "end"], ["text"], ["share"]).to_pylist()
    assert rows == [{"start": 3, "end": None, "text": None, "share": None}]


@pytest.mark.parametrize("value", ["three", 2.5, b"\x00"])
def test_a_value_of_the_wrong_type_is_null_and_counted_with_its_column(
    nsys_file: Callable[..., NsysFile], value: object
) -> None:
    file = nsys_file()
    file.range(0, 1, "a")
    file.add("NVTX_EVENTS", start=value)
    with open_export(file.close()) as export:
        assert export.read("NVTX_EVENTS", ["start"])["start"].to_pylist() == [0, None]
        (sentence,) = export.sentences()
    assert f"1 {TraceWarning.BAD_CELLS}: 1 in NVTX_EVENTS.start" in sentence


def test_warnings_and_errors_about_cuda_nvtx_and_the_gpu_are_passed_on(
    nsys_file: Callable[..., NsysFile],
) -> None:
    file = nsys_file()
    file.add("DIAGNOSTIC_EVENT", timestamp=2, severity=2, text="No CUDA events\t collected.")
    file.add("DIAGNOSTIC_EVENT", timestamp=1, severity=3, text="NVTX failed")
    file.add("DIAGNOSTIC_EVENT", timestamp=0, severity=1, text="CUDA injection initialized")
    file.add("DIAGNOSTIC_EVENT", timestamp=0, severity=2, text="No OpenGL events collected")
    with open_export(file.close()) as export:
        assert export.diagnostics() == ["NVTX failed", "No CUDA events collected."]


def test_fixtures_have_columns_that_nsys_has(
    nsys_file: Callable[..., NsysFile], sample_data: Path
) -> None:
    real = sqlite3.connect(":memory:")
    real.executescript((sample_data / "nsys" / "ddl" / "nsys_2024.sql").read_text())
    for table, columns in nsys_file().columns.items():
        known = {row[1] for row in real.execute(f'PRAGMA table_info("{table}")')}
        ours = {column.split()[0] for column in columns.split(", ")}
        if known and table != "GENERIC_EVENTS":  # the newest layout adds an id there
            assert ours <= known, table
    real.close()
