"""A comparison for a pull request, and for GitHub's log."""

import os
from pathlib import Path

import pytest

from moeprof.tests.cli.command_line import Moeprof
from moeprof.tests.cli.compare.test_cli_compare_command import benchmark


def test_markdown_is_a_table_with_a_verdict(moeprof: Moeprof, tmp_path: Path) -> None:
    old, new = benchmark(tmp_path / "a|b.json"), benchmark(tmp_path / "new.json", slow=1.5)
    lines = moeprof("compare", old, new, "--format", "markdown").stdout.splitlines()
    assert lines[0] == "### moeprof compare: regression"
    assert "a\\|b.json" in lines[2]
    (row,) = [line for line in lines if "| case3 |" in line]
    assert row.startswith("| latency | case3 | 1 | 1.500 |")
    assert row.endswith("| regression |")


def test_github_has_annotations_and_a_summary_of_the_step(
    moeprof: Moeprof, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    summary = tmp_path / "summary.md"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    old, new = benchmark(tmp_path / "old.json"), benchmark(tmp_path / "new.json", slow=1.5)
    found = moeprof("compare", old, new, "--format", "github")
    assert "::error title=regression%3A case3 latency::1.50" in found.stdout
    assert "### moeprof compare: regression" in summary.read_text()
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path))
    refused = moeprof("compare", old, new, "--format", "github")
    assert refused.exit_code == 2
    assert "the summary of the step" in refused.errors[0]


def test_without_a_summary_the_table_follows(
    moeprof: Moeprof, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    old = benchmark(tmp_path / "old.json")
    assert "### moeprof compare" in moeprof("compare", old, old, "--format", "github").stdout


def test_the_summary_of_the_step_holds_any_name(
    moeprof: Moeprof, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    summary = tmp_path / "summary.md"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    document = benchmark(tmp_path / os.fsdecode(b"\xff.json"))
    document.write_text(document.read_text().replace("case3", "\\u001b[2J"))
    assert moeprof("compare", document, document, "--format", "github").exit_code == 0
    text = summary.read_text()
    assert "\\udcff.json" in text
    assert "| \\u001b[2J |" in text
