"""Stores, runs and files of any name are neither options, nor lists, nor addresses."""

import os
import shutil
from pathlib import Path

import pytest

from moeprof.tests.cli.command_line import Moeprof, Result

NAMES = ("-x", "a,b", "a:b", "%h", "~", "$HOME", "a b", '"q"', "new\nline", "file:x", "http:")
ADDRESSES = ("a#b", "a?mode=rw", "[1]", "*", "\x1b[2J", os.fsdecode(b"\xff"), "x" * 200)


@pytest.mark.parametrize("name", [*NAMES, *ADDRESSES], ids=ascii)
def test_a_store_and_a_run_may_have_any_name(
    moeprof: Moeprof,
    built: tuple[Path, Result],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (original,) = built[0].iterdir()
    shutil.copytree(original, Path(name) / name)
    for result in (
        moeprof("parse", "--", f"{name}/{name}"),
        moeprof("build-model", f"--store={name}"),
        moeprof("report", f"--store={name}"),
        moeprof("show", "--", f"{name}/{name}"),
        moeprof("cost", "--batch-size", "4", "--", f"{name}/{name}", "relu"),
    ):
        assert result.exit_code == 0, result.stderr
        assert "\x1b" not in result.stdout + result.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == [name]


def test_a_run_is_measured_in_a_store_that_looks_like_an_option(
    moeprof: Moeprof, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    words = "profile --ops relu --batch-sizes 1,2 --device cpu --no-power --store=-x"
    assert moeprof(*words.split()).exit_code == 0
