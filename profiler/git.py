"""The git commit of the folder where moeprof was started, which holds the measured code."""

from pathlib import Path

from .process.run import run

_LIMIT_S = 20.0


def head(folder: Path) -> tuple[str | None, bool | None]:
    """Return the commit checked out in `folder` and whether tracked files differ from it.

    Both are None outside a git checkout, without git, and before the first commit.
    """
    try:
        commit = run(["git", "rev-parse", "HEAD"], timeout_s=_LIMIT_S, cwd=folder)
        changes = run(
            ["git", "status", "--porcelain", "--untracked-files=no"],
            timeout_s=_LIMIT_S,
            cwd=folder,
        )
    except OSError:
        return None, None
    if commit.exit_code != 0 or changes.exit_code != 0:
        return None, None
    return commit.stdout.strip(), bool(changes.stdout.strip())
