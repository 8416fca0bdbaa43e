"""Commits on a line, and a folder for each, with nothing written into the user's repository."""

import os
import subprocess
from pathlib import Path

import pytest

from moeprof.pipeline.revisions.repository import Repository, Worktrees
from moeprof.store.errors import BadInput
from moeprof.tests.pipeline.revisions.histories import git, history


@pytest.fixture
def commits(tmp_path: Path) -> list[str]:
    return history(tmp_path / "repo", ["1", "2", "3"])


@pytest.fixture
def repository(tmp_path: Path, commits: list[str]) -> Repository:
    return Repository(tmp_path / "repo")


def digest(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_line_holds_the_ends_and_what_lies_between(
    repository: Repository, commits: list[str]
) -> None:
    good, bad = repository.resolve("main~2"), repository.resolve("main")
    line = repository.line(good, bad)
    assert [one.sha for one in line] == commits
    assert [one.subject for one in line] == ["change 0", "change 1", "change 2"]
    assert "level" in repository.stat(line[1])
    assert repository.count(good.sha, bad.sha) == 2


def test_a_merge_counts_as_one_commit(repository: Repository, commits: list[str]) -> None:
    git(repository.folder, "checkout", "--quiet", "-b", "side", commits[0])
    for name in ("a", "b"):
        (repository.folder / name).write_text(name)
        git(repository.folder, "add", ".")
        git(repository.folder, "commit", "--quiet", "-m", name)
    git(repository.folder, "checkout", "--quiet", "main")
    git(repository.folder, "merge", "--quiet", "--no-ff", "-m", "merged", "side")
    line = repository.line(repository.resolve(commits[0]), repository.resolve("main"))
    assert [one.subject for one in line][1:] == ["change 1", "change 2", "merged"]


@pytest.mark.parametrize(
    ("good", "bad", "words"),
    [
        ("main", "main~1", "but its descendant"),
        ("main", "main", "both ends are commit"),
        ("nothing", "main", "names no commit"),
        ("--help", "main", "is no revision"),
    ],
)
def test_ends_that_are_none_are_refused(
    repository: Repository, good: str, bad: str, words: str
) -> None:
    with pytest.raises(BadInput, match=words):
        repository.line(repository.resolve(good), repository.resolve(bad))


def test_two_lines_without_a_common_commit_are_refused(
    repository: Repository, commits: list[str]
) -> None:
    git(repository.folder, "checkout", "--quiet", "--orphan", "other")
    git(repository.folder, "commit", "--quiet", "-m", "other")
    with pytest.raises(BadInput, match="is no ancestor"):
        repository.line(repository.resolve(commits[0]), repository.resolve("other"))


def test_a_shallow_clone_says_what_it_lacks(
    repository: Repository, commits: list[str], tmp_path: Path
) -> None:
    source = f"file://{repository.folder}"
    git(tmp_path, "clone", "--quiet", "--depth=1", "--no-single-branch", source, "shallow")
    shallow = Repository(tmp_path / "shallow")
    git(shallow.folder, "fetch", "--quiet", "--depth=1", "origin", commits[0])
    with pytest.raises(BadInput, match="in this shallow clone"):
        shallow.line(shallow.resolve(commits[0]), shallow.resolve("HEAD"))
    with pytest.raises(BadInput, match="names no commit") as refused:
        shallow.resolve(commits[1])
    assert "--unshallow" in refused.value.hint


def test_a_folder_that_is_no_repository_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="git sees no repository in"):
        Worktrees(Repository(tmp_path), tmp_path / "state")


def test_every_commit_has_a_folder_and_the_users_repository_is_only_read(
    repository: Repository, commits: list[str], tmp_path: Path
) -> None:
    before = digest(repository.folder)
    trees = Worktrees(repository, tmp_path / "state")
    line = repository.line(repository.resolve(commits[0]), repository.resolve(commits[2]))
    levels = [(trees.check_out(one) / "level").read_text().strip() for one in (*line, *line)]
    assert levels == ["1", "2", "3"] * 2
    assert digest(repository.folder) == before


def test_what_a_kill_leaves_half_checked_out_is_made_anew(
    repository: Repository, tmp_path: Path
) -> None:
    trees = Worktrees(repository, tmp_path / "state")
    commit = repository.resolve("main")
    half = trees.path(commit).with_name(f"{commit.sha}.part")
    half.mkdir(parents=True)
    (half / "level").write_text("half")
    assert (trees.check_out(commit) / "level").read_text() == "3\n"


def test_a_checkout_runs_no_hook_of_the_repository(repository: Repository, tmp_path: Path) -> None:
    hook = repository.folder / ".git" / "hooks" / "post-checkout"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    hook.chmod(0o755)
    Worktrees(repository, tmp_path / "state").check_out(repository.resolve("main"))
    assert not (tmp_path / "ran").exists()


def test_changes_that_no_commit_holds_are_noticed(repository: Repository) -> None:
    assert not repository.is_dirty()
    (repository.folder / "level").write_text("9")
    assert repository.is_dirty()


def test_a_subject_is_one_line_whatever_it_holds(
    repository: Repository, commits: list[str]
) -> None:
    subjects = ["a\u2028b", "a\x0bb", "a\x1cb\x85", "\ttab\there", ""]
    for subject in subjects:
        words = ("commit", "--quiet", "--allow-empty", "--allow-empty-message", "-m", subject)
        git(repository.folder, *words)
    line = repository.line(repository.resolve(commits[-1]), repository.resolve("main"))
    assert [one.subject.strip() for one in line[1:]] == [one.strip() for one in subjects]


def test_no_program_runs_that_the_configuration_of_the_repository_names(
    repository: Repository, commits: list[str], tmp_path: Path
) -> None:
    folder, ran = repository.folder, tmp_path / "ran"
    (folder / ".gitattributes").write_text("* filter=own diff=own\n")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "-m", "attributes")
    bad = signed(folder)
    (folder / "level").write_text("9\n")
    for name in ("filter.own.clean", "diff.own.textconv", "diff.external", "gpg.program"):
        git(folder, "config", name, f"touch {ran}; cat; :")
    for name, value in {"log.showSignature": "true", "i18n.logOutputEncoding": "UTF-16"}.items():
        git(folder, "config", name, value)
    line = repository.line(repository.resolve(commits[0]), repository.resolve(bad))
    assert line[-1].subject == "attributes"
    assert ".gitattributes" in repository.stat(line[-1])
    assert repository.is_dirty()
    assert not ran.exists()


def signed(folder: Path) -> str:
    """A copy of the present commit with a signature; its id."""
    head, _, message = git(folder, "cat-file", "commit", "HEAD").partition("\n\n")
    signature = "gpgsig -----BEGIN PGP SIGNATURE-----\n \n iQ==\n -----END PGP SIGNATURE-----"
    written = subprocess.run(
        ["git", "hash-object", "-t", "commit", "-w", "--stdin"],
        input=f"{head}\n{signature}\n\n{message}\n",
        cwd=folder, check=True, capture_output=True, text=True,
    )  # fmt: skip
    return written.stdout.strip()


@pytest.mark.parametrize("name", [b"caf\xe9", b"new\nline", b'a"b\\c', b" a ", b"a:b"])
def test_a_repository_may_have_any_name(tmp_path: Path, name: bytes) -> None:
    folder = tmp_path / os.fsdecode(name)
    commits = history(folder, ["1"])
    repository = Repository(folder)
    assert repository.common_folder() == (folder / ".git").resolve()
    trees = Worktrees(repository, tmp_path / "state")
    assert (trees.check_out(repository.resolve(commits[0])) / "level").read_text() == "1\n"
    below = folder / os.fsdecode(name)
    below.mkdir()
    assert [Repository(one).prefix() for one in (folder, below)] == ["", f"{below.name}/"]


def test_a_checkout_with_changes_has_a_name_for_once(repository: Repository) -> None:
    committed = repository.resolve("main")
    assert repository.as_it_lies(committed) == committed
    (repository.folder / "level").write_text("7")
    once, again = (repository.as_it_lies(committed) for _ in range(2))
    assert once.sha.startswith(committed.sha)
    assert len({committed.tree, once.tree, again.tree}) == 3
