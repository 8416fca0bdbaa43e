"""A stream that is closed, full, or left by its reader: the command ends well, and says so once."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

MOEPROF = [sys.executable, "-m", "moeprof"]


def run_in_shell(line: str, folder: Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run a line of bash in which $M is moeprof."""
    return subprocess.run(
        ["bash", "-c", line],
        cwd=folder,
        env=os.environ | {"M": " ".join(MOEPROF)} | environment,
        capture_output=True,
        text=True,
        timeout=600,
    )


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_stream_that_is_closed_is_no_error(closed: str, tmp_path: Path) -> None:
    ended = run_in_shell(f"$M scenario small --out preset.toml {closed}", tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert (tmp_path / "preset.toml").read_text().startswith("name")
    assert ended.stdout == ""


def test_what_is_printed_to_a_closed_stream_lands_in_no_file(tmp_path: Path) -> None:
    ended = run_in_shell("$M scenario small --out preset.toml >&- 2>&-", tmp_path)
    assert ended.returncode == 0
    assert "preset:" not in (tmp_path / "preset.toml").read_text()


def test_a_reader_that_left_is_no_error(tmp_path: Path) -> None:
    ended = run_in_shell('(sleep 0.2; $M scenario) | true; echo "${PIPESTATUS[0]}"', tmp_path)
    assert (ended.stdout, ended.stderr) == ("0\n", "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_full_disk_below_stdout_is_said_once(tmp_path: Path) -> None:
    ended = run_in_shell("$M scenario > /dev/full", tmp_path)
    assert ended.returncode == 2
    assert ended.stderr.splitlines() == [
        "error: cannot write to stdout: no space left on device",
        "hint: send it where there is room",
    ]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_full_disk_below_stderr_keeps_the_exit_code(tmp_path: Path) -> None:
    assert run_in_shell("$M scenario 2> /dev/full", tmp_path).returncode == 0
    assert run_in_shell("$M parse 2> /dev/full", tmp_path).returncode == 2


def test_an_encoding_without_accents_gets_escapes(tmp_path: Path) -> None:
    ended = run_in_shell("$M scenario é", tmp_path, PYTHONIOENCODING="ascii")
    assert ended.returncode == 2
    assert r"\u00e9" in ended.stderr


def test_a_terminal_without_a_size_is_told_everything(tmp_path: Path) -> None:
    ended = run_in_shell("$M scenario nothing", tmp_path, COLUMNS="0")
    assert ended.returncode == 2
    assert "error:" in ended.stderr
