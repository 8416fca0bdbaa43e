"""The commits of the user's repository, each checked out in a folder of its own.

The user's checkout and its .git are only read: the folders belong to a bare repository beside them,
which borrows the objects of the user's (gitrepository-layout(5), objects/info/alternates). No hook,
file system monitor or transport of the repository runs.
"""

import os
import secrets
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from ...profiler.git import git, head
from ...profiler.process.run import Finished, one_line
from ...store.disk.sync import make_folder
from ...store.errors import BadInput, shortened
from ...store.files import cannot_write, write_whole

_FIELDS: Final = "%H%x09%T%x09%s"
_CHECK_OUT_S: Final = 600.0  # a repository may have some GB
_UNSHALLOW: Final = "this clone is shallow: git fetch --unshallow"
_SHORT: Final = 10  # digits of a commit that a sentence quotes


@dataclass(frozen=True, slots=True)
class Commit:
    """One commit: its id, the id of its tree, and the first line of its message."""

    sha: str
    tree: str
    subject: str

    @property
    def short(self) -> str:
        """The id as a sentence quotes it."""
        return self.sha[:_SHORT]


@dataclass(frozen=True, slots=True)
class Repository:
    """A git repository of the user, by a folder within it."""

    folder: Path

    def resolve(self, revision: str) -> Commit:
        """The commit that a revision names. Raises BadInput for none, and outside a repository."""
        if revision.startswith("-"):
            raise BadInput(f"{revision!r} is no revision", hint="name a commit, a branch or a tag")
        shown = self._git("log", "-1", f"--format={_FIELDS}", f"{revision}^{{commit}}", "--")
        if shown is None:
            self.common_folder()
            raise BadInput(
                f"{shortened(revision)!r} names no commit of {self.folder}",
                hint=_UNSHALLOW if self._is_shallow() else "git log shows them; or fetch it",
            )
        return _commit(shown)

    def line(self, good: Commit, bad: Commit) -> tuple[Commit, ...]:
        """`good`, the commits after it on the first-parent line to `bad`, and `bad`.

        Raises BadInput where `good` is no ancestor of `bad`, or the same commit.
        """
        if good.sha == bad.sha:
            raise BadInput(f"both ends are commit {good.short}", hint="name two commits")
        if self._git("merge-base", "--is-ancestor", good.sha, bad.sha) is None:
            raise self._no_ancestor(good, bad)
        order = ("rev-list", "--first-parent", "--reverse", "--no-commit-header")
        shown = self._git(*order, f"--format={_FIELDS}", f"{good.sha}..{bad.sha}", "--")
        if not shown:
            raise BadInput(
                f"git cannot list the commits from {good.short} to {bad.short}",
                hint="see what `git fsck` says",
            )
        return (good, *map(_commit, shown.removesuffix("\n").split("\n")))

    def count(self, good: str, bad: str) -> int:
        """How many commits lie after `good` up to `bad`; 0 where git cannot say."""
        shown = self._git("rev-list", "--count", f"{good}..{bad}", "--")
        return int(shown) if shown else 0

    def stat(self, commit: Commit) -> str:
        """What a commit changed, as `git show --stat` prints it."""
        shown = self._git("show", "--stat", "--no-ext-diff", "--no-textconv", commit.sha, "--")
        return (shown or "").strip()

    def is_dirty(self) -> bool:
        """Whether tracked files of the user's checkout differ from its commit."""
        return bool(head(self.folder)[1])

    def as_it_lies(self, commit: Commit) -> Commit:
        """The commit that is checked out, with a name for this once where tracked files differ."""
        if not self.is_dirty():
            return commit
        mark = secrets.token_hex(_SHORT // 2)
        return replace(commit, sha=f"{commit.sha}+{mark}", tree=f"{commit.tree}+{mark}")

    def common_folder(self) -> Path:
        """The .git that all checkouts share. Raises BadInput outside a repository."""
        return self._of_git("--git-common-dir")

    def git_folder(self) -> Path:
        """The .git of this checkout alone. Raises BadInput outside a repository."""
        return self._of_git("--git-dir")

    def _of_git(self, which: str) -> Path:
        done = self._asked_for(which)
        if done.exit_code != 0:
            raise BadInput(
                f"git sees no repository in {self.folder}: {one_line(done.stderr)}",
                hint="cd to one of yours; see safe.directory in git config --help for another's",
            )
        return self._path(done)

    def _asked_for(self, which: str) -> Finished:
        """Ask git for a folder relative to ours: it answers in UTF-8, and ours need not be that."""
        return git(self.folder, "rev-parse", "--path-format=relative", which)

    def _path(self, answered: Finished) -> Path:
        return Path(os.path.realpath(self.folder / answered.stdout.removesuffix("\n")))

    def prefix(self) -> str:
        """The path of `folder` within its checkout; "" for its top, and in a bare repository."""
        here = os.path.realpath(self.folder)
        top = self._asked_for("--show-toplevel")
        within = os.path.relpath(here, self._path(top) if top.exit_code == 0 else here)
        return "" if within == os.curdir else f"{within}{os.sep}"

    def _no_ancestor(self, good: Commit, bad: Commit) -> BadInput:
        message = f"{good.short} is no ancestor of {bad.short}"
        if self._git("merge-base", "--is-ancestor", bad.sha, good.sha) is not None:
            return BadInput(f"{message}, but its descendant", hint="name the older commit first")
        if self._is_shallow():
            return BadInput(f"{message} in this shallow clone", hint=_UNSHALLOW)
        base = (self._git("merge-base", good.sha, bad.sha) or "").strip()
        hint = f"begin at their merge base: {base[:_SHORT]}" if base else "name commits of one line"
        return BadInput(message, hint=hint)

    def _is_shallow(self) -> bool:
        return (self._git("rev-parse", "--is-shallow-repository") or "").strip() == "true"

    def _git(self, *words: str) -> str | None:
        """What git prints; None where it fails."""
        done = git(self.folder, *words)
        return done.stdout if done.exit_code == 0 else None


class Worktrees:
    """A folder per commit below `folder`, made when it is first asked for."""

    def __init__(self, repository: Repository, folder: Path) -> None:
        self._objects = repository.common_folder() / "objects"
        self._bare = folder / "repository.git"
        self._trees = folder / "trees"

    def path(self, commit: Commit) -> Path:
        """Where a commit lies, or is going to."""
        return self._trees / commit.sha

    def check_out(self, commit: Commit) -> Path:
        """Give the folder of a commit, with its files. Raises BadInput where it cannot be made."""
        path = self.path(commit)
        if path.exists():
            return path
        self._borrow()
        part = path.with_name(f"{path.name}.part")  # a kill leaves it, and never half of `path`
        shutil.rmtree(part, ignore_errors=True)
        git(self._bare, "worktree", "prune")
        add = ("worktree", "add", "--quiet", "--detach", str(part), commit.sha)
        done = git(self._bare, *add, timeout_s=_CHECK_OUT_S)
        if done.exit_code == 0:
            done = git(self._bare, "worktree", "move", str(part), str(path))
        if done.exit_code != 0:
            raise BadInput(
                f"commit {commit.short} cannot be checked out: {one_line(done.stderr)}",
                hint=f"see that {self._trees} can be written and has room",
            )
        return path

    def _borrow(self) -> None:
        """Make the bare repository, with the user's objects as its own."""
        if (self._bare / "HEAD").exists():
            return
        try:
            make_folder(self._trees)
            shutil.rmtree(self._bare, ignore_errors=True)
            part = self._bare.with_name(f"{self._bare.name}.part")
            shutil.rmtree(part, ignore_errors=True)
            git(self._trees, "init", "--quiet", "--bare", str(part))
            write_whole(part / "objects" / "info" / "alternates", _quoted(self._objects))
            os.replace(part, self._bare)
        except OSError as error:
            raise cannot_write(self._bare, error) from error


def _quoted(path: Path) -> bytes:
    """A line with a path, quoted as in C: a name may hold the end of a line."""
    escaped = os.fsencode(path).replace(b"\\", b"\\\\").replace(b'"', b'\\"')
    return b'"%b"\n' % escaped.replace(b"\n", b"\\n")


def _commit(line: str) -> Commit:
    return Commit(*line.rstrip("\n").split("\t", 2))
