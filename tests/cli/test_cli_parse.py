"""`moeprof parse`: a run's recordings, or a single trace, to tables."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from moeprof.parsers.messages import Refusal, TraceWarning
from moeprof.store.run import Run
from moeprof.store.tables.parquet import read_table
from moeprof.tests.cli.command_line import Moeprof
from moeprof.tests.energy.metered_runs import write_meter, write_run
from moeprof.tests.nsys_file import NsysFile

PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)
NCU_PAGE = (
    '"ID","Process ID","Kernel Name","gpu__time_duration.sum","dram__bytes_read.sum"\n'
    '"","","","ns","byte"\n'
    '"0","1","gemm(int)","1500","4096"\n'
)


def test_a_run_becomes_tables(moeprof: Moeprof, recorded_run: Path) -> None:
    result = moeprof("parse", recorded_run)
    run = Run(recorded_run)
    assert (result.exit_code, result.stdout) == (0, "")
    points = read_table(run.table("points"), "points")
    assert f"{run.table('points')}: {points.num_rows} rows\n" in result.stderr
    assert set(points["op"].to_pylist()) == {"relu", "topk"}
    assert points["failure"].null_count == points.num_rows
    assert read_table(run.table("calls"), "calls").num_rows > points.num_rows


def test_the_latest_run_is_parsed_by_default(moeprof: Moeprof, recorded_run: Path) -> None:
    result = moeprof("parse", "--store", recorded_run.parent)
    assert result.exit_code == 0
    assert Run(recorded_run).table("points").is_file()


def test_a_lone_nsys_export_becomes_tables(moeprof: Moeprof, tmp_path: Path) -> None:
    trace = NsysFile(tmp_path / "trace.sqlite")
    trace.call(1000, 1100, "step", correlation=1)
    result = moeprof("parse", trace.close(), "--out", tmp_path / "tables")
    assert result.exit_code == 0
    launches = read_table(tmp_path / "tables" / "launches.parquet", "launches")
    assert launches["range_name"].to_pylist() == ["step"]
    assert launches["duration_ns"].to_pylist() == [50]
    assert f"{tmp_path / 'tables' / 'launches.parquet'}: 1 rows" in result.stderr
    assert "launches within a range: 1\n" in result.stderr


def test_tables_of_an_earlier_trace_do_not_stay_beside_those_of_the_next(
    moeprof: Moeprof, tmp_path: Path
) -> None:
    (tmp_path / "page.csv").write_text(NCU_PAGE)
    trace = NsysFile(tmp_path / "trace.sqlite")
    trace.call(1000, 1100, "step", correlation=1)
    tables = tmp_path / "tables"
    assert moeprof("parse", tmp_path / "page.csv", "--out", tables).exit_code == 0
    (tables / "notes.parquet").write_text("the user's own")
    result = moeprof("parse", trace.close(), "--out", tables)
    assert f"warning: {tables}: removed counters.parquet of an earlier trace" in result.stderr
    assert sorted(path.name for path in tables.iterdir()) == ["launches.parquet", "notes.parquet"]


def test_a_lone_trace_with_power_has_energies_of_its_ranges(
    moeprof: Moeprof, tmp_path: Path
) -> None:
    trace = NsysFile(tmp_path / "trace.sqlite")
    trace.add("TARGET_INFO_GPU", id=0, name="GPU")
    for number, (name, end_s) in enumerate([("long", 2), ("short", 3), ("brief", 4)]):
        trace.range(10 * number, 10 * number + 9, name)
        trace.launch(10 * number + 1, 10 * number + 2, number)
        length_ns = 10**9 if name == "long" else 1000
        trace.kernel(end_s * 10**9 - length_ns, end_s * 10**9, number)
    for at in range(50):
        data = json.dumps({"Power": 300_000 + at % 3})
        trace.add("GENERIC_EVENTS", timestamp=at * 10**8, typeId=7, data=data)
    result = moeprof("parse", trace.close(), "--out", tmp_path / "tables")
    assert result.exit_code == 0
    table = read_table(tmp_path / "tables" / "range_energies.parquet", "range_energies")
    found = dict(
        zip(*(table[name].to_pylist() for name in ("range_name", "energy_mj")), strict=True)
    )
    assert found == {"long": pytest.approx(300_000, rel=1e-4), "short": None, "brief": None}
    words = " ".join(result.stderr.split())
    assert "ranges with an energy: 1; 2 without: too short for 4 refreshes" in words


def test_a_lone_ncu_page_becomes_counters(moeprof: Moeprof, tmp_path: Path) -> None:
    page = tmp_path / "page.csv"
    page.write_text(NCU_PAGE)
    result = moeprof("parse", page, "--out", tmp_path / "tables")
    assert result.exit_code == 0
    counters = read_table(tmp_path / "tables" / "counters.parquet", "counters")
    assert counters["dram_read_bytes"].to_pylist() == [4096]


def test_the_energies_of_an_external_meter(moeprof: Moeprof, tmp_path: Path) -> None:
    run, csv = write_run(tmp_path / "run"), write_meter(tmp_path / "meter.csv")
    result = moeprof("parse", run.folder, "--meter", csv)
    assert (result.exit_code, result.stdout) == (0, "")
    words = " ".join(result.stderr.split())
    assert "the device's own sensor shows 0.950 of its power" in words
    points = read_table(run.table("points"), "points")
    assert set(points["energy_source"].to_pylist()) == {"external_meter"}
    assert moeprof("build-model", run.folder).exit_code == 0
    cost = moeprof("cost", run.folder, "gelu", "--batch-size", "8", "--json").data
    assert cost["energy_source"] == "external_meter"
    assert cost["energy_mj"] == pytest.approx(300 * 50 / 1000, rel=0.01)

    csv.unlink()
    again = moeprof("parse", run.folder)
    assert (again.exit_code, again.stderr) == (0, result.stderr)


@pytest.mark.parametrize(
    ("source", "meter", "words"),
    [
        ("run", "nowhere.csv", "cannot read nowhere.csv"),
        ("run", "plan.json", "plan.json has 0 columns of time and 0 of power"),
        ("trace.sqlite", "meter.csv", "--meter is for a run, and trace.sqlite is a single trace"),
    ],
)
def test_a_meter_that_cannot_be_used_is_bad_input(
    moeprof: Moeprof,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    source: str,
    meter: str,
    words: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    run = write_run(tmp_path / "run")
    (tmp_path / "plan.json").write_bytes(run.plan_path.read_bytes())
    result = moeprof("parse", source, "--meter", meter)
    assert (result.exit_code, result.stdout) == (2, "")
    assert words in result.errors[0]
    assert not run.table("points").exists()


def _an_empty_nsys_export(path: Path) -> None:
    NsysFile(path).close()


@pytest.mark.parametrize(
    ("write", "says"),
    [
        (lambda path: path.write_bytes(PNG), Refusal.UNKNOWN_FORMAT),
        (lambda path: path.write_text("a diary"), Refusal.UNKNOWN_FORMAT),
        (lambda path: path.write_bytes(b""), Refusal.EMPTY),
        (lambda path: path.write_bytes(b"SQLite format 3\0"), Refusal.CUT_SHORT),
        (lambda path: path.write_text('{"traceEvents": ['), Refusal.NOT_JSON),
        (lambda path: path.write_text('{"traceEvents": []}'), Refusal.NO_EVENTS),
        (_an_empty_nsys_export, Refusal.NO_EVENTS),
        (lambda path: None, "no such file"),
    ],
    ids=["png", "text", "empty", "cut", "half-json", "empty-kineto", "empty-nsys", "missing"],
)
def test_a_file_that_is_no_trace_is_refused_in_one_sentence(
    moeprof: Moeprof, tmp_path: Path, write: Callable[[Path], object], says: str
) -> None:
    source = tmp_path / "trace.file"
    write(source)
    result = moeprof("parse", source, "--out", tmp_path / "tables")
    assert (result.exit_code, result.stdout) == (2, "")
    (sentence,) = result.errors
    assert str(source) in sentence
    assert says in sentence
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "tables").exists()


def test_a_single_trace_without_out_is_bad_input(moeprof: Moeprof, tmp_path: Path) -> None:
    page = tmp_path / "page.csv"
    page.write_text(NCU_PAGE)
    result = moeprof("parse", page)
    assert result.exit_code == 2
    assert str(page) in result.errors[0]
    assert "--out" in result.hint
    assert list(tmp_path.iterdir()) == [page]


def test_a_folder_that_is_no_run_is_bad_input(moeprof: Moeprof, tmp_path: Path) -> None:
    result = moeprof("parse", tmp_path)
    assert result.exit_code == 2
    assert result.errors == [f"{tmp_path} is not a run: it has no plan.json"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda plan: plan | {"schema": "moeprof.plan/9.0"}, "is moeprof.plan/9.0, and this"),
        (lambda plan: plan | {"schema": "moeprof.recording/1.0"}, "not a moeprof.plan"),
        (lambda plan: plan | {"seed": "two"}, "seed"),
        (lambda plan: {"schema": plan["schema"]}, "is not a valid moeprof.plan"),
        (lambda plan: [plan], "no schema name"),
    ],
)
def test_a_plan_that_this_version_cannot_read_is_bad_input(
    moeprof: Moeprof, recorded_run: Path, change: Callable[[Any], Any], says: str
) -> None:
    path = recorded_run / "plan.json"
    path.write_text(json.dumps(change(json.loads(path.read_text()))))
    result = moeprof("parse", recorded_run)
    assert result.exit_code == 2
    assert result.errors[0].startswith(str(path))
    assert says in result.errors[0]
    assert not Run(recorded_run).table("points").exists()


def test_a_recording_cut_short_costs_itself_alone(moeprof: Moeprof, recorded_run: Path) -> None:
    path = sorted(recorded_run.glob("raw/*/*/recording.json"))[0]
    path.write_text(path.read_text()[:100])
    result = moeprof("parse", recorded_run)
    assert result.exit_code == 0
    assert f"left out: {path} is not JSON" in result.stderr
    assert "--resume" in result.stderr


def test_a_run_without_a_sound_recording_is_bad_input(moeprof: Moeprof, recorded_run: Path) -> None:
    for path in recorded_run.glob("raw/*/*/recording.json"):
        path.write_bytes(b"")
    result = moeprof("parse", recorded_run)
    assert result.exit_code == 2
    assert " is not JSON" in result.errors[0]
    assert not Run(recorded_run).tables.exists()


def test_a_full_disk_keeps_the_old_tables(
    moeprof: Moeprof, fill_disk: Callable[..., None], built_run: Path
) -> None:
    path = Run(built_run).table("points")
    before = path.read_bytes()
    fill_disk()
    result = moeprof("parse", built_run)
    assert result.exit_code == 2
    assert "no space left on device" in result.errors[0]
    assert path.read_bytes() == before
    assert {each.suffix for each in path.parent.iterdir()} == {".parquet"}


def _pipe(path: Path) -> None:
    os.mkfifo(path)


@pytest.mark.parametrize(
    ("name", "make", "says"),
    [
        ("pipe", _pipe, Refusal.NOT_REGULAR),
        ("folder", Path.mkdir, Refusal.FOLDER),
        ("loop", lambda path: path.symlink_to(path), "too many levels of symbolic links"),
        ("n" * 300, lambda path: None, "file name too long"),
        ("line\nend", lambda path: path.write_bytes(b""), Refusal.EMPTY),
        ("latin-\udcef", lambda path: path.write_bytes(b""), Refusal.EMPTY),
    ],
    ids=["pipe", "folder", "loop", "long", "newline", "latin"],
)
@pytest.mark.parametrize("command", ["parse", "scrub"])
def test_a_path_that_is_no_file_is_refused_in_one_sentence(
    moeprof: Moeprof,
    tmp_path: Path,
    name: str,
    make: Callable[[Path], object],
    says: str,
    command: str,
) -> None:
    make(tmp_path / name)
    result = moeprof(command, tmp_path / name, "--out", tmp_path / "out")
    assert (result.exit_code, result.stdout) == (2, "")
    (sentence,) = result.errors
    assert says in sentence
    assert not (tmp_path / "out").exists()


def test_a_page_under_an_odd_name_is_parsed(moeprof: Moeprof, tmp_path: Path) -> None:
    page, out = tmp_path / "a [red]page\nlatin-\udcef.csv", tmp_path / "tables-\udcef"
    page.write_text(NCU_PAGE)
    assert moeprof("parse", page, "--out", out).exit_code == 0
    assert read_table(out / "counters.parquet", "counters").num_rows == 1


@pytest.mark.parametrize("out", ["file", "file/below"])
def test_tables_do_not_go_into_a_file(moeprof: Moeprof, tmp_path: Path, out: str) -> None:
    (tmp_path / "page.csv").write_text(NCU_PAGE)
    (tmp_path / "file").write_text("kept")
    result = moeprof("parse", tmp_path / "page.csv", "--out", tmp_path / out)
    assert (result.exit_code, result.hint) == (
        2,
        "a part of that path is a file; name another folder",
    )
    assert (tmp_path / "file").read_text() == "kept"


def test_the_tables_of_a_run_go_into_the_run(moeprof: Moeprof, tmp_path: Path) -> None:
    run = write_run(tmp_path / "run")
    result = moeprof("parse", run.folder, "--out", tmp_path / "tables")
    assert result.exit_code == 2
    assert "--out is for a single trace" in result.errors[0]


def test_what_a_page_lacks_is_told(moeprof: Moeprof, tmp_path: Path) -> None:
    page = tmp_path / "page.csv"
    page.write_text(NCU_PAGE.replace("4096", "(!) n/a"))
    result = moeprof("parse", page, "--out", tmp_path / "tables")
    assert result.exit_code == 0
    assert f"warning: page.csv: 1 {TraceWarning.CELLS_WITHOUT_NUMBER}" in result.stderr
    assert "counters.parquet: 1 rows" in result.stderr
