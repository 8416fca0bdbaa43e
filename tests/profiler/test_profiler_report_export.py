"""A single report is exported by a tool that is new enough, or refused with the needed version."""

from collections.abc import Callable
from pathlib import Path

import pytest

from moeprof.parsers.trace_file import parse_trace
from moeprof.profiler.report_export import export_report
from moeprof.store.errors import BadInput

NSYS = """#!/bin/sh
case "$1" in
--version) echo "NVIDIA Nsight Systems version {version}";;
export) for word in "$@"; do case "$word" in --output=*) cp "$0.sqlite" "${{word#--output=}}";;
esac; done; exit {code};;
esac
"""
HEAD = b"NVIDIA Tegra Profiler Report 2024@2@3@38-242334140272v0.\n"


@pytest.fixture
def on_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], Path]:
    """Put nothing on PATH but a stand-in with this text; without one, nothing at all."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")

    def put(name: str, text: str) -> Path:
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
        return folder / name

    return put


@pytest.fixture
def report(tmp_path: Path) -> Path:
    path = tmp_path / "capture.nsys-rep"
    path.write_bytes(HEAD + bytes(100))
    return path


def test_a_report_is_exported_by_an_nsys_that_is_new_enough(
    on_path: Callable[[str, str], Path], report: Path, tmp_path: Path
) -> None:
    nsys = on_path("nsys", NSYS.format(version="2024.2.3.38-1", code=0))
    nsys.with_name("nsys.sqlite").write_bytes(b"SQLite format 3\0")
    exported = export_report(report, tmp_path)
    assert exported == tmp_path / "capture.sqlite"
    assert exported.read_bytes() == b"SQLite format 3\0"


@pytest.mark.parametrize(
    ("version", "code", "words"),
    [
        ("2022.4.2.1", 0, "needs nsys 2024.2.3 or newer, and the one on PATH is 2022.4.2.1"),
        ("2025.1.1", 1, "cannot be exported"),
    ],
)
def test_an_nsys_that_cannot_read_it_is_reported(
    on_path: Callable[[str, str], Path],
    report: Path,
    tmp_path: Path,
    version: str,
    code: int,
    words: str,
) -> None:
    on_path("nsys", NSYS.format(version=version, code=code))
    with pytest.raises(BadInput, match=words) as raised:
        export_report(report, tmp_path)
    assert "2024.2.3 or newer" in raised.value.hint


@pytest.mark.usefixtures("on_path")
def test_without_an_nsys_the_needed_version_is_named(report: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"a report of nsys 2024\.2\.3, and no nsys is on PATH"):
        export_report(report, tmp_path)


def test_a_report_of_ncu_becomes_its_raw_page(
    on_path: Callable[[str, str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("moeprof.profiler.report_export.has_ncu_report", lambda: False)
    path = tmp_path / "counted.ncu-rep"
    path.write_bytes(b"NVR\0\0\0\0\0")
    with pytest.raises(BadInput, match="no ncu is on PATH"):
        export_report(path, tmp_path)
    on_path("ncu", '#!/bin/sh\nprintf \'"ID","Process ID","Kernel Name"\\n,,\\n0,1,gemm\\n\'\n')
    ((_, counters),) = parse_trace(export_report(path, tmp_path)).pieces
    assert counters["kernel"].to_pylist() == ["gemm"]
    on_path("ncu", "#!/bin/sh\necho unsupported >&2; exit 1\n")
    with pytest.raises(BadInput, match="cannot be read by this ncu: unsupported"):
        export_report(path, tmp_path)


def test_a_report_of_ncu_is_given_back_where_nvidias_package_reads_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("moeprof.profiler.report_export.has_ncu_report", lambda: True)
    path = tmp_path / "counted.ncu-rep"
    path.write_bytes(b"NVR\0\0\0\0\0")
    assert export_report(path, tmp_path) == path


def test_any_other_file_is_given_back(tmp_path: Path) -> None:
    path = tmp_path / "trace.json"
    assert export_report(path, tmp_path) == path
    path.write_text("{}")
    assert export_report(path, tmp_path) == path
