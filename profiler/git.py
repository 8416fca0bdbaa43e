"""Git without the programs that a checkout names, and the commit that is checked out in a folder.

That folder may have been unpacked from anywhere, and git runs programs that its configuration
names: a file system monitor, hooks, content filters, what checks signatures, and the transport of a
partial clone. All of these are switched off here. Sources: git-config(1), gitattributes(5), and
git(1) on its variables.
"""

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from ..store.errors import BadInput
from .process.run import Finished, run

_LIMIT_S: Final = 20.0
_COMMIT: Final = re.compile(r"[0-9a-f]{40,64}")
# Variables of git that only narrow its search for a repository; others name files and programs.
_KEPT: Final = {"GIT_CEILING_DIRECTORIES", "GIT_DISCOVERY_ACROSS_FILESYSTEM"}
_VARIABLES: Final = (
    "GIT_OPTIONAL_LOCKS=0",  # writes no index, and so runs no hook of it
    "GIT_ALLOW_PROTOCOL=none",  # fetches no object that a partial clone lacks,
    "GIT_NO_LAZY_FETCH=1",  # and from git 2.44 on does not try
    "GIT_TERMINAL_PROMPT=0",
)
_SETTINGS: Final = (
    "core.fsmonitor=false",
    f"core.hooksPath={os.devnull}",
    "log.showSignature=false",  # else runs gpg.program for each signed commit
    "i18n.logOutputEncoding=UTF-8",
    "color.ui=false",
)
_OPTIONS: Final = ("--no-pager", *(word for one in _SETTINGS for word in ("-c", one)))
_STATUS: Final = (
    "status", "--porcelain", "--untracked-files=no", "--no-renames", "--no-ahead-behind",
    "--ignore-submodules=dirty",  # else runs git in each submodule, by its own configuration
)  # fmt: skip


def head(folder: Path) -> tuple[str | None, bool | None]:
    """Return the commit checked out in `folder` and whether tracked files differ from it.

    Both are None outside a git checkout, without git, before the first commit, and in another
    user's folder, which git refuses to look into (`safe.directory`). Whether files differ is judged
    by their bytes, without content filters, so a file of Git LFS that was copied differs; it is
    None where a filter cannot be switched off.
    """
    try:
        commit = git(folder, "rev-parse", "--verify", "HEAD")
        if commit.exit_code != 0 or not _COMMIT.fullmatch(commit.stdout.strip()):
            return None, None
        return commit.stdout.strip(), _differs(folder)
    except (BadInput, OSError):
        return None, None


def _differs(folder: Path) -> bool | None:
    drivers = _filter_drivers(folder)
    if drivers is None:
        return None
    changes = git(folder, *(word for name in drivers for word in _off(name)), *_STATUS)
    return bool(changes.stdout.strip()) if changes.exit_code == 0 else None


def _filter_drivers(folder: Path) -> set[str] | None:
    """Names of the content filters that are configured; None where one cannot be overridden."""
    found = git(folder, "config", "--null", "--name-only", "--get-regexp", r"^filter\.")
    if found.exit_code not in (0, 1):  # 1: there is none
        return None
    keys = [key for key in found.stdout.split("\0") if key]
    drivers = {key.removeprefix("filter.").rpartition(".")[0] for key in keys}
    return None if any("=" in name or "\ufffd" in name for name in drivers) else drivers


def _off(driver: str) -> Iterator[str]:
    """Options that leave a content filter without any program."""
    for setting in ("clean=", "smudge=", "process=", "required=false"):
        yield "-c"
        yield f"filter.{driver}.{setting}"


def git(folder: Path, *words: str, timeout_s: float = _LIMIT_S) -> Finished:
    """Run git in a folder with none of its programs, and never a `git` that lies there.

    Raises BadInput without git.
    """
    path = os.pathsep.join(filter(os.path.isabs, os.get_exec_path()))
    programs = [shutil.which(name, path=path) for name in ("env", "git")]
    if None in programs:
        raise BadInput("there is no git here", hint="install it, or see PATH")
    env, git = (str(program) for program in programs)
    variables = [name for name in os.environ if name.startswith("GIT_") and name not in _KEPT]
    unset = [word for name in variables for word in ("-u", name)]
    command = [env, *unset, *_VARIABLES, git, *_OPTIONS, *words]
    return run(command, timeout_s=timeout_s, cwd=folder)
