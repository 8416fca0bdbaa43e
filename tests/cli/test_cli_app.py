"""The entry point: help, version, and what becomes of an error."""

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import moeprof as package
from moeprof.tests.cli.command_line import Moeprof

COMMANDS = (
    *(
        "doctor",
        "selftest",
        "profile",
        "parse",
        "build-model",
        "validate",
        "cost",
        "report",
        "scenario",
    ),
    *("scrub", "import", "show", "bisect", "check", "compare", "history", "route", "steptime"),
)
HEAVY = {"torch", "triton", "pandas", "scipy", "altair"}


@pytest.mark.parametrize("command", [(), *((name,) for name in COMMANDS)], ids=" ".join)
def test_help_fits_80_columns_and_is_not_cut(moeprof: Moeprof, command: tuple[str, ...]) -> None:
    result = moeprof(*command, "--help")
    assert result.exit_code == 0
    usage, *lines = result.stdout.splitlines()
    assert usage.startswith("Usage: moeprof")
    assert max(map(len, [usage, *lines])) <= 80
    assert not [line for line in lines if line.endswith(("...", "…"))]


def test_help_lists_every_command(moeprof: Moeprof) -> None:
    result = moeprof("-h").stdout
    listed = result.partition("Commands:\n")[2].splitlines()
    assert tuple(line.split()[0] for line in listed) == COMMANDS


def test_no_word_at_all_shows_the_help(moeprof: Moeprof) -> None:
    result = moeprof()
    assert "Commands:" in result.stdout + result.stderr


@pytest.mark.parametrize("words", [["--help"], ["profile", "--help"], ["--version"]], ids=" ".join)
def test_help_and_version_load_nothing_heavy(words: list[str], tmp_path: Path) -> None:
    assert not loaded_by(words, 0, tmp_path) & HEAVY


def test_a_parse_loads_no_torch(tmp_path: Path) -> None:
    trace = tmp_path / "trace.json"
    trace.write_text('{"traceEvents": 1}')
    assert not loaded_by(["parse", str(trace), "--out", "tables"], 2, tmp_path) & {"torch"}


def loaded_by(words: list[str], code: int, folder: Path) -> set[str]:
    """Packages that a command loads, which ends with an exit code."""
    command = [sys.executable, "-X", "importtime", "-m", "moeprof", *words]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=folder, timeout=600)
    assert ended.returncode == code
    lines = [line for line in ended.stderr.splitlines() if line.startswith("import time:")]
    loaded = {line.rpartition("|")[2].strip().partition(".")[0] for line in lines}
    assert "moeprof" in loaded
    return loaded


@pytest.mark.parametrize("words", [["--version"], ["--debug", "--version"]], ids=" ".join)
def test_version_is_printed_as_data(moeprof: Moeprof, words: list[str]) -> None:
    result = moeprof(*words)
    assert (result.exit_code, result.stdout, result.stderr) == (0, f"{package.__version__}\n", "")


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["profil"], "profil"),
        (["profile", "--no-such"], "--no-such"),
        (["profile", "--points", "many"], "--points"),
        (["profile", "--sampling", "some"], "--sampling"),
        (["cost", "relu"], "--batch-size"),
        (["report", "one", "two"], "two"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_word_that_no_command_knows_is_bad_input(
    moeprof: Moeprof, words: list[str], named: str
) -> None:
    result = moeprof(*words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert named in result.stderr
    assert "Traceback" not in result.stderr


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> Callable[[BaseException], None]:
    """Let the search for the latest run fail as `error`."""

    def break_with(error: BaseException) -> None:
        def fail(*arguments: object) -> None:
            raise error

        monkeypatch.setattr("moeprof.store.run.latest_run", fail)

    return break_with


def test_a_crash_is_129_and_asks_for_a_report(
    moeprof: Moeprof, broken: Callable[[BaseException], None]
) -> None:
    broken(RuntimeError("the well [is] dry"))
    result = moeprof("parse")
    assert (result.exit_code, result.stdout) == (129, "")
    assert result.errors == ["moeprof itself failed: RuntimeError: the well [is] dry"]
    assert "--debug" in result.hint
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    "words", [["--debug", "parse"], ["parse", "--debug"], ["parse", "--debug", "--store", "x"]]
)
def test_debug_shows_the_traceback_in_any_position(
    moeprof: Moeprof, broken: Callable[[BaseException], None], words: list[str]
) -> None:
    broken(RuntimeError("dry"))
    result = moeprof(*words)
    assert result.exit_code == 129
    assert "Traceback (most recent call last)" in result.stderr
    assert result.errors == ["moeprof itself failed: RuntimeError: dry"]


def test_debug_keeps_the_exit_code_of_bad_input(moeprof: Moeprof, tmp_path: Path) -> None:
    result = moeprof("parse", "--store", tmp_path, "--debug")
    assert result.exit_code == 2
    assert "Traceback" in result.stderr


def test_an_interrupt_is_130(moeprof: Moeprof, broken: Callable[[BaseException], None]) -> None:
    broken(KeyboardInterrupt())
    result = moeprof("parse")
    assert (result.exit_code, result.stdout) == (130, "")
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("name", ["ENOSPC", "EROFS", "EDQUOT"])
def test_a_disk_that_refuses_in_another_room_is_bad_input(
    moeprof: Moeprof, broken: Callable[[BaseException], None], name: str
) -> None:
    code = getattr(errno, name)
    broken(OSError(code, os.strerror(code), "raw/nsys"))
    result = moeprof("parse")
    assert result.exit_code == 2
    assert result.errors == [f"cannot write raw/nsys: {os.strerror(code).lower()}"]
    assert result.hint


@pytest.mark.parametrize("name", ["ENAMETOOLONG", "EACCES", "EISDIR", "ELOOP", "ENOENT", "EEXIST"])
def test_a_path_that_cannot_be_used_is_bad_input(
    moeprof: Moeprof, broken: Callable[[BaseException], None], name: str
) -> None:
    code = getattr(errno, name)
    broken(OSError(code, os.strerror(code), "raw/nsys"))
    result = moeprof("parse")
    assert result.exit_code == 2
    assert result.errors == [f"cannot use raw/nsys: {os.strerror(code).lower()}"]
    assert result.hint


def test_a_path_that_is_no_utf_8_is_bad_input(
    moeprof: Moeprof, broken: Callable[[BaseException], None]
) -> None:
    broken(UnicodeEncodeError("utf-8", "r\udcff", 1, 2, "surrogates not allowed"))
    result = moeprof("parse")
    assert (result.exit_code, result.hint) == (2, "rename it")
    assert result.errors == [r"'r\udcff' is not UTF-8, and a path or a name must be"]


@pytest.mark.parametrize("name", ["EMFILE", "EAGAIN", "ENOMEM", "EIO", "EFBIG"])
def test_a_limit_of_the_machine_is_no_fault_of_ours(
    moeprof: Moeprof, broken: Callable[[BaseException], None], name: str
) -> None:
    code = getattr(errno, name)
    broken(OSError(code, os.strerror(code)))
    result = moeprof("parse")
    assert (result.exit_code, len(result.errors)) == (2, 1)
    assert result.hint


def test_too_little_memory_is_no_fault_of_ours(
    moeprof: Moeprof, broken: Callable[[BaseException], None]
) -> None:
    broken(MemoryError())
    assert moeprof("parse").exit_code == 2


def test_a_descriptor_used_wrongly_is_our_own_fault(
    moeprof: Moeprof, broken: Callable[[BaseException], None]
) -> None:
    broken(OSError(errno.EBADF, os.strerror(errno.EBADF)))
    assert moeprof("parse").exit_code == 129


def test_python_m_moeprof_ends_with_the_exit_code(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "moeprof", "parse", "--store", str(tmp_path)]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=600)
    assert ended.returncode == 2
    assert ended.stdout == ""
    assert f"error: there is no run in {tmp_path}" in ended.stderr


def test_a_file_of_another_user_has_its_own_way_out(
    moeprof: Moeprof, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.access", lambda path, mode: False)
    (tmp_path / "model.json").touch()
    result = moeprof("show", str(tmp_path / "model.json"))
    assert result.exit_code == 2
    assert "chmod" in result.stderr
