"""A single report is exported by a tool that is new enough, or refused with the needed version."""

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from moeprof.parsers.nsys.clock import session_clock
from moeprof.parsers.nsys.export import open_export
from moeprof.parsers.trace_file import parse_trace
from moeprof.profiler.collectors.nsys import Nsys
from moeprof.profiler.report_export import exported
from moeprof.store.errors import BadInput
from moeprof.tests.arrow_export import as_arrow
from moeprof.tests.nsys_file import NsysFile
from moeprof.tests.parsers.pieces import concatenated

# Copies what lies beside it under the name of the requested form, and notes how it was called.
NSYS = """#!/bin/sh
echo "$@" >> "$0.calls"
form=sqlite
case "$*" in
--version) echo "NVIDIA Nsight Systems version {version}"; exit;;
*--help) echo "--type= {forms}"; echo "--tables="; exit;;
*arrowdir*) form=arrowdir;;
esac
for word in "$@"; do case "$word" in --output=*)
cp -r "$0.$form" "${{word#--output=}}";; esac; done
exit {code}
"""
HEAD = b"NVIDIA Tegra Profiler Report 2024@2@3@38-242334140272v0.\n"
OnPath = Callable[[str, str], Path]


@pytest.fixture
def on_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> OnPath:
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


@pytest.fixture
def nsys(on_path: OnPath, nsys_file: Callable[..., NsysFile]) -> Path:
    """An nsys that exports a kernel in a range, to SQLite and to Arrow."""
    path = on_path("nsys", NSYS.format(version="2024.2.3.38-1", forms="sqlite, arrowdir", code=0))
    file = nsys_file()
    file.call(10, 20, "gelu-b4#0.1", 1)
    sqlite = file.close()
    as_arrow(sqlite).rename(path.with_name("nsys.arrowdir"))
    sqlite.rename(path.with_name("nsys.sqlite"))
    return path


def _kernels(report: Path) -> tuple[bool, int]:
    """Whether a report was exported to a folder of Arrow files, and the kernels in it."""
    with exported(report) as trace:
        assert trace.name == report.name
        return trace.is_dir(), concatenated(parse_trace(trace).pieces)["launches"].num_rows


def test_a_report_is_exported_to_arrow_only_the_tables_that_are_read(
    nsys: Path, report: Path
) -> None:
    assert _kernels(report) == (True, 1)
    (export,) = [line for line in _calls(nsys) if "--output" in line]
    assert "--type=arrowdir" in export
    assert "NVTX_EVENTS," in export
    assert "TARGET_INFO_SYSTEM_ENV" not in export


def test_an_nsys_that_cannot_export_to_arrow_exports_these_tables_to_sqlite(
    nsys: Path, report: Path
) -> None:
    nsys.write_text(NSYS.format(version="2024.2.3.38-1", forms="sqlite, hdf", code=0))
    assert _kernels(report) == (False, 1)
    (export,) = [line for line in _calls(nsys) if "--output" in line]
    assert "--type=sqlite --tables=" in export


def test_an_nsys_that_cannot_select_tables_exports_all_to_sqlite(nsys: Path, report: Path) -> None:
    text = NSYS.format(version="2022.4.2", forms="sqlite, hdf", code=0)
    report.write_bytes(b"NVIDIA Tegra Profiler Report 1.\n")
    nsys.write_text(text.replace('echo "--tables="; ', ""))
    assert _kernels(report) == (False, 1)
    assert not any("--tables" in line for line in _calls(nsys))


def test_all_tables_are_exported_where_the_selected_ones_are_not_complete(
    nsys: Path, report: Path
) -> None:
    nsys.write_text(
        NSYS.format(version="2024.2.3", forms="sqlite, hdf", code=0).replace(
            "form=sqlite", 'form=sqlite; case "$*" in *--tables=*) form=part;; esac'
        )
    )
    with sqlite3.connect(nsys.with_name("nsys.part")) as database:
        database.execute("CREATE TABLE NVTX_EVENTS (eventType INTEGER)")
    database.close()
    assert _kernels(report) == (False, 1)
    assert [("--tables" in line) for line in _calls(nsys) if "--output" in line] == [True, False]


def test_a_big_report_is_exported_to_sqlite_for_which_nsys_needs_no_memory(
    nsys: Path, report: Path
) -> None:
    os.truncate(report, 2**28)
    assert _kernels(report) == (True, 1)
    os.truncate(report, 2**28 + 1)
    assert _kernels(report) == (False, 1)
    assert "--type=sqlite --tables=" in _calls(nsys)[-1]


@pytest.mark.parametrize("damage", ["cut", "incomplete", "absent", "of another schema"])
def test_an_arrow_export_that_is_not_whole_is_never_read(
    nsys: Path, report: Path, damage: str
) -> None:
    """The exit code of nsys is 0 in each of these cases."""
    arrow = nsys.with_name("nsys.arrowdir")
    kernels = arrow / "CUPTI_ACTIVITY_KIND_KERNEL.arrow"
    match damage:
        case "cut":
            kernels.write_bytes(kernels.read_bytes()[:-20])
        case "incomplete":
            (arrow / "META_DATA_EXPORT.arrow").unlink()
        case "absent":
            shutil.rmtree(arrow)
        case _:
            kernels.write_bytes(b"Feather? \xff\xff\xff\xff\0\0\0\0")
    assert _kernels(report) == (False, 1)


def _calls(nsys: Path) -> list[str]:
    return nsys.with_name("nsys.calls").read_text().splitlines()


def test_messages_name_the_report_and_not_its_copy(
    nsys: Path, report: Path, nsys_file: Callable[..., NsysFile]
) -> None:
    shutil.rmtree(nsys.with_name("nsys.arrowdir"))
    nsys_file("4.0.0", name="newer.sqlite").close().rename(nsys.with_name("nsys.sqlite"))
    with pytest.raises(BadInput) as raised, exported(report) as trace:
        parse_trace(trace)
    assert raised.value.message.startswith(f"{report}: EXPORT_SCHEMA_VERSION 4.0.0")


@pytest.mark.parametrize(
    ("version", "code", "words"),
    [
        ("2022.4.2.1", 0, "needs nsys 2024.2.3 or newer, and the one on PATH is 2022.4.2.1"),
        ("2025.1.1", 1, "cannot be exported"),
    ],
)
def test_an_nsys_that_cannot_read_it_is_reported(
    nsys: Path, report: Path, version: str, code: int, words: str
) -> None:
    nsys.write_text(NSYS.format(version=version, forms="sqlite, arrowdir", code=code))
    with pytest.raises(BadInput, match=words) as raised, exported(report):
        pass
    assert "2024.2.3 or newer" in raised.value.hint


@pytest.mark.usefixtures("on_path")
def test_without_an_nsys_the_needed_version_is_named(report: Path) -> None:
    with (
        pytest.raises(BadInput, match=r"a report of nsys 2024\.2\.3, and no nsys is on PATH"),
        exported(report),
    ):
        pass


def test_an_old_report_goes_to_the_installed_nsys_whose_error_is_quoted(
    on_path: OnPath, report: Path
) -> None:
    """Reports by nsys up to 2023.1 begin so, without a version."""
    report.write_bytes(b"NVIDIA Tegra Profiler Report 1.\n\x0bLocal (CLI)")
    with pytest.raises(BadInput, match="no nsys is on PATH"), exported(report):
        pass
    fault = (
        "#!/bin/sh\n[ $1 = --version ] && echo version 2024.2.3 && exit\necho absent >&2; exit 1"
    )
    on_path("nsys", fault)
    with pytest.raises(BadInput, match="absent"), exported(report):
        pass


def test_a_report_of_ncu_becomes_its_raw_page(
    on_path: OnPath, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("moeprof.profiler.report_export.has_ncu_report", lambda: False)
    path = tmp_path / "counted.ncu-rep"
    path.write_bytes(b"NVR\0\0\0\0\0")
    with pytest.raises(BadInput, match="no ncu is on PATH"), exported(path):
        pass
    on_path("ncu", '#!/bin/sh\nprintf \'"ID","Process ID","Kernel Name"\\n,,\\n0,1,gemm\\n\'\n')
    with exported(path) as page:
        ((_, counters),) = parse_trace(page).pieces
    assert counters["kernel"].to_pylist() == ["gemm"]
    on_path("ncu", "#!/bin/sh\necho unsupported >&2; exit 1\n")
    with pytest.raises(BadInput, match="cannot be read by this ncu: unsupported"), exported(path):
        pass


@pytest.mark.parametrize(("tool", "head"), [("nsys", HEAD), ("ncu", b"NVR\0\0\0\0\0")])
def test_a_report_whose_name_looks_like_an_option_is_given_by_its_full_path(
    on_path: OnPath, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tool: str, head: bytes
) -> None:
    monkeypatch.setattr("moeprof.profiler.report_export.has_ncu_report", lambda: False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "-f.rep").write_bytes(head)
    on_path(tool, f'#!/bin/sh\necho "$@" >> {tmp_path}/arguments; exit 1\n')
    with pytest.raises(BadInput), exported(Path("./-f.rep")):
        pass
    words = (tmp_path / "arguments").read_text().split()
    assert f"{tmp_path}/-f.rep" in words
    assert "-f.rep" not in words


def test_a_report_of_ncu_is_given_back_where_nvidias_package_reads_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("moeprof.profiler.report_export.has_ncu_report", lambda: True)
    path = tmp_path / "counted.ncu-rep"
    path.write_bytes(b"NVR\0\0\0\0\0")
    with exported(path) as given:
        assert given == path


def test_any_other_file_is_given_back(tmp_path: Path) -> None:
    path = tmp_path / "trace.json"
    path.write_text("{}")
    with exported(path) as given:
        assert given == path


CAPTURE = b"U3w[END]NVIDIA Nsight Systems Stream 2024.2.3.38-242334140272v0!\n"


def test_a_capture_is_imported_and_exported(nsys: Path, tmp_path: Path) -> None:
    """nsys leaves a .qdstrm where its importer is missing, and `nsys export` does not read it."""
    importer = tmp_path / "host-linux-x64" / "QdstrmImporter"
    importer.parent.mkdir()
    importer.write_text("#!/bin/sh\ncp $2 $4\n")
    importer.chmod(0o755)
    capture = tmp_path / "capture.qdstrm"
    capture.write_bytes(CAPTURE)
    assert _kernels(capture) == (True, 1)
    assert capture.read_bytes() == CAPTURE
    importer.write_text("#!/bin/sh\necho it is of another version >&2\nexit 1\n")
    with pytest.raises(BadInput, match="it is of another version"), exported(capture):
        pass


def test_a_capture_without_an_nsys_is_refused_with_the_version(
    on_path: OnPath, tmp_path: Path
) -> None:
    capture = tmp_path / "capture.qdstrm"
    capture.write_bytes(CAPTURE)
    with (
        pytest.raises(BadInput, match="is a capture of nsys 2024") as raised,
        exported(capture),
    ):
        pass
    assert "QdstrmImporter -i capture.qdstrm" in raised.value.hint


EVENTS = dict.fromkeys(
    ("start", "end", "eventType", "globalTid", "endGlobalTid", "textId", "domainId"), pa.int64()
) | {"text": pa.string()}
PROGRAM = """
import threading, nvtx
def work(name):
    for number in range(50):
        with nvtx.annotate(f"{name} {number}", domain="moeprof"):
            nvtx.mark("mark")
        nvtx.end_range(nvtx.start_range(f"process-wide {number % 3} \\u00e9"))
    nvtx.push_range("never closed")
threads = [threading.Thread(target=work, args=[name]) for name in "abc"]
[thread.start() for thread in threads], [thread.join() for thread in threads]
"""


@pytest.mark.skipif(shutil.which("nsys") is None, reason="no nsys on PATH")
def test_a_real_report_is_equal_by_arrow_and_by_sqlite(tmp_path: Path) -> None:
    """Every table that is read, row by row, in the order of the file."""
    nsys = Nsys(shutil.which("nsys") or "")
    report, sqlite = tmp_path / "real.nsys-rep", tmp_path / "real.sqlite"
    program = [sys.executable, "-c", PROGRAM]
    subprocess.run([*nsys.profile(report, "cpu", None), *program], check=False, cwd=tmp_path)
    if not report.is_file():
        pytest.skip("nsys recorded nothing")
    nsys.export(report, sqlite)
    with exported(report) as copy, open_export(copy) as by_arrow, open_export(sqlite) as by_sqlite:
        assert copy.is_dir() == ("arrowdir" in nsys.export_help)
        assert "TARGET_INFO_SYSTEM_ENV" in by_sqlite.tables - by_arrow.tables
        events = by_arrow.bulk("NVTX_EVENTS", EVENTS)
        assert events.num_rows > 3 * 50  # a loaded machine may lose some of the 453
        assert events == by_sqlite.bulk("NVTX_EVENTS", EVENTS)
        assert by_arrow.strings() == by_sqlite.strings()
        assert by_arrow.diagnostics() == by_sqlite.diagnostics()
        assert session_clock(by_arrow) == session_clock(by_sqlite)
