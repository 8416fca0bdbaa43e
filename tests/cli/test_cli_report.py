"""`moeprof report`: a run as one page."""

from collections.abc import Callable
from pathlib import Path

from moeprof.store.run import Run
from moeprof.tests.cli.command_line import Moeprof


def test_the_page_is_written_and_its_path_printed(moeprof: Moeprof, built_run: Path) -> None:
    result = moeprof("report", built_run)
    assert (result.exit_code, result.stdout) == (0, f"{Run(built_run).report_path}\n")
    assert Run(built_run).report_path.read_text().lower().startswith("<!doctype html>")


def test_the_latest_run_is_reported_by_default(moeprof: Moeprof, built_run: Path) -> None:
    result = moeprof("report", "--store", built_run.parent)
    assert result.stdout == f"{Run(built_run).report_path}\n"


def test_a_folder_that_is_no_run_is_bad_input(moeprof: Moeprof, tmp_path: Path) -> None:
    result = moeprof("report", tmp_path)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.errors == [f"{tmp_path} is not a run: it has no plan.json"]
    assert result.hint


def test_a_run_that_was_only_recorded_is_bad_input(moeprof: Moeprof, recorded_run: Path) -> None:
    result = moeprof("report", recorded_run)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.errors == [f"{Run(recorded_run).table('points')} does not exist"]
    assert "moeprof parse" in result.hint
    assert not Run(recorded_run).report_path.exists()


def test_a_full_disk_leaves_no_page(
    moeprof: Moeprof, fill_disk: Callable[..., None], built_run: Path
) -> None:
    fill_disk()
    result = moeprof("report", built_run)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "no space left on device" in result.errors[0]
    assert not Run(built_run).report_path.exists()
