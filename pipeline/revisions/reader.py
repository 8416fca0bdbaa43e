"""Reads commits on this machine, and keeps every reading."""

import math
from datetime import UTC, datetime
from pathlib import Path

from .machine import fingerprint
from .reading import Question, Unreadable, build, read
from .readings_log import Reading, ReadingsLog
from .repository import Commit, Repository, Worktrees


class Reader:
    """Readings of one question about a repository, in `state`; those of one reader are a session.

    The caller holds `state` (readings_log.py).
    """

    def __init__(self, repository: Repository, question: Question, state: Path) -> None:
        """Open the readings. Raises BadInput as `ReadingsLog` does."""
        self.repository, self.question, self.machine = repository, question, fingerprint()
        self.log = ReadingsLog(state, question.text())
        self.session = self.log.next_session
        self._trees, self._prefix = Worktrees(repository, state), repository.prefix()

    def read(self, commit: Commit, end_s: float = math.inf, folder: Path | None = None) -> float:
        """Build a commit where it is not built, read it, and keep the value.

        It is read in `folder`, or in one of its own. Raises Unreadable where that fails, and then
        keeps nothing.
        """
        if folder is None:
            folder = self._trees.check_out(commit) / self._prefix
            if not folder.is_dir():
                raise Unreadable(f"it has no folder {self._prefix}")
        build(folder, self.question, end_s)
        value = read(folder, self.question, end_s)
        self._keep(commit, value, None)
        return value

    def give_up(self, commit: Commit, reason: str) -> None:
        """Keep that a commit cannot be read."""
        self._keep(commit, None, reason)

    def _keep(self, commit: Commit, value: float | None, reason: str | None) -> None:
        utc = datetime.now(UTC).isoformat(timespec="seconds")
        self.log.add(
            Reading(commit.sha, commit.tree, self.machine, self.session, utc, value, reason)
        )
