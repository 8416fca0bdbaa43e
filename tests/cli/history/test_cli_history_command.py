"""`moeprof history`: adding a run, and the course of each operation."""

from pathlib import Path

from moeprof.tests.cli.command_line import Moeprof


def test_a_run_is_added_and_shown(moeprof: Moeprof, built_run: Path, tmp_path: Path) -> None:
    history = tmp_path / "history"
    added = moeprof("history", "add", built_run, "--history", history)
    assert added.exit_code == 0
    assert f"added: {history}" in added.stderr
    shown = moeprof("history", "--history", history)
    assert shown.exit_code == 0
    assert built_run.name in shown.stdout
    (relu,) = [line.split() for line in shown.stdout.splitlines() if line.lstrip()[:4] == "relu"]
    assert relu[1:] == ["1", "▁", "1.000", "1.000", "1.000", "-"]
    assert max(map(len, shown.stdout.splitlines())) <= 80


def test_a_history_is_data_for_a_program(moeprof: Moeprof, built_run: Path, tmp_path: Path) -> None:
    moeprof("history", "add", built_run, "--history", tmp_path / "h")
    (device,) = moeprof("history", "--history", tmp_path / "h", "--op", "topk", "--json").data
    assert [one["op"] for one in device["courses"]] == ["topk"]


def test_an_empty_history_is_refused(moeprof: Moeprof, tmp_path: Path) -> None:
    refused = moeprof("history", "--history", tmp_path / "none")
    assert refused.exit_code == 2
    assert "moeprof history add RUN" in refused.hint


def test_a_folder_before_the_command_add_is_refused(moeprof: Moeprof, tmp_path: Path) -> None:
    result = moeprof("history", "--history", tmp_path, "add")
    assert result.exit_code == 2
    assert result.hint == f"moeprof history add --history {tmp_path}"
