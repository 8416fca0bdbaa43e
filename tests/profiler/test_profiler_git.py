"""The commit that is measured; and nothing that the folder names is run to find it."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from moeprof.profiler.git import head
from moeprof.tests.elsewhere import ANOTHER_USER, needs_root


def git(folder: Path, *words: str) -> None:
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    subprocess.run(["git", *identity, *words], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    folder = tmp_path / "checkout"
    folder.mkdir()
    (folder / "file").write_text("one")
    for words in (["init", "-q"], ["add", "file"], ["commit", "-qm", "first"]):
        git(folder, *words)
    return folder


def test_a_clean_checkout(checkout: Path) -> None:
    commit, dirty = head(checkout)
    assert commit is not None
    assert len(commit) == 40
    assert dirty is False


def test_a_changed_file_makes_it_dirty_and_an_untracked_one_does_not(checkout: Path) -> None:
    (checkout / "other").write_text("new")
    assert head(checkout)[1] is False
    (checkout / "file").write_text("two")
    assert head(checkout)[1] is True


def test_a_file_that_was_copied_without_a_change_is_clean(checkout: Path) -> None:
    os.utime(checkout / "file", (1, 1))
    assert head(checkout)[1] is False


def test_outside_a_checkout_nothing_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert head(tmp_path) == (None, None)


def test_before_the_first_commit_nothing_is_known(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    assert head(tmp_path) == (None, None)


def test_without_git_nothing_is_known(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert head(checkout) == (None, None)


@needs_root
def test_another_users_folder_is_not_looked_into(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(checkout))  # without a safe.directory of this machine's user
    for path in (checkout, checkout / ".git"):
        os.chown(path, ANOTHER_USER, ANOTHER_USER)
    assert head(checkout) == (None, None)


def test_the_folder_decides_and_not_a_variable_of_git(
    checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit, _ = head(checkout)
    git(tmp_path, "init", "-q", "elsewhere")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere" / ".git"))
    assert head(checkout) == (commit, False)


# A folder that was unpacked from anywhere. `intruder` is a program that leaves a file when it runs.

Trap = Callable[[Path, str], None]


def configured(*settings: tuple[str, str]) -> Trap:
    def trap(checkout: Path, intruder: str) -> None:
        for name, value in settings:
            git(checkout, "config", name, value.replace("INTRUDER", intruder))

    return trap


def filtered(attributes: str, driver: str, *names: str) -> Trap:
    def trap(checkout: Path, intruder: str) -> None:
        (checkout / attributes).write_text(f"* filter={driver}\n")
        for name in names:
            git(checkout, "config", f"filter.{driver}.{name}", intruder)
        git(checkout, "config", f"filter.{driver}.required", "true")

    return trap


def hooked(checkout: Path, intruder: str) -> None:
    for hook in ("post-index-change", "pre-commit", "reference-transaction", "fsmonitor-watchman"):
        path = checkout / ".git" / "hooks" / hook
        path.write_text(f"#!/bin/sh\n{intruder}\n")
        path.chmod(0o755)


def included(checkout: Path, intruder: str) -> None:
    (checkout / "more").write_text(f'[core]\n\tfsmonitor = "{intruder}"\n')
    git(checkout, "config", "include.path", "../more")


def with_a_submodule(checkout: Path, intruder: str) -> None:
    git(checkout, "-c", "protocol.file.allow=always", "submodule", "add", "./.", "part")
    git(checkout, "commit", "-qm", "second")
    git(checkout / "part", "config", "core.fsmonitor", intruder)
    git(checkout / "part", "config", "filter.own.clean", intruder)
    (checkout / "part" / ".gitattributes").write_text("* filter=own\n")
    os.utime(checkout / "part" / "file", (1, 1))


def partial(checkout: Path, intruder: str) -> None:
    """Let the tree of the commit be missing, and be fetched by a program."""
    for name, value in (
        ("core.repositoryFormatVersion", "1"),
        ("extensions.partialClone", "origin"),
        ("remote.origin.promisor", "true"),
        ("remote.origin.url", f"ext::{intruder}"),
        ("protocol.ext.allow", "always"),
        ("core.sshCommand", intruder),
    ):
        git(checkout, "config", name, value)
    tree = subprocess.check_output(["git", "rev-parse", "HEAD^{tree}"], cwd=checkout, text=True)
    (checkout / ".git" / "objects" / tree[:2] / tree[2:].strip()).unlink()


def git_of_its_own(checkout: Path, intruder: str) -> None:
    (checkout / "git").write_text(f"#!/bin/sh\n{intruder}\n")
    (checkout / "git").chmod(0o755)


@pytest.mark.parametrize(
    "trap",
    [
        configured(("core.fsmonitor", "INTRUDER")),
        configured(("alias.status", "!INTRUDER"), ("alias.rev-parse", "!INTRUDER")),
        configured(("core.pager", "INTRUDER"), ("pager.status", "true")),
        configured(("diff.external", "INTRUDER"), ("core.editor", "INTRUDER")),
        filtered(".gitattributes", "own", "clean"),
        filtered(".gitattributes", "own", "process"),
        filtered(".git/info/attributes", "own", "clean", "smudge", "process"),
        filtered(".gitattributes", "a=b", "clean"),
        filtered(".gitattributes", "a.b", "clean"),
        filtered(".gitattributes", "lfs", "clean", "process"),
        hooked,
        included,
        with_a_submodule,
        partial,
        git_of_its_own,
    ],
)
def test_nothing_that_the_folder_names_is_run(
    checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trap: Trap
) -> None:
    ran = tmp_path / "ran"
    program = tmp_path / "intruder"
    program.write_text(f"#!/bin/sh\necho $0 >> {ran}\ncat\n")
    program.chmod(0o755)
    trap(checkout, str(program))
    ran.unlink(missing_ok=True)  # setting the trap may spring it
    os.utime(checkout / "file", (1, 1))  # so that git compares its content
    monkeypatch.chdir(checkout)
    monkeypatch.setenv("PATH", f".{os.pathsep}{os.pathsep}{os.environ['PATH']}")
    commit, _ = head(checkout)
    assert commit is not None
    assert not ran.exists()


def test_a_filter_that_is_switched_off_changes_no_verdict_on_a_plain_file(checkout: Path) -> None:
    filtered(".git/info/attributes", "own", "clean")(checkout, "false")
    os.utime(checkout / "file", (1, 1))
    assert head(checkout)[1] is False
