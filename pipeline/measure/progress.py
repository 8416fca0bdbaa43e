"""What a stage reports while it runs."""

from collections.abc import Iterable
from typing import Final, Protocol


class RunProgress(Protocol):
    """Receives what a stage reports while it runs; a user of the Python API may pass one.

    Calls come from the thread that runs the stage, in the order in which things happen.
    """

    def notice(self, text: str) -> None:
        """Receive one fact: the device, the collector, the source of energy, the run's folder."""
        ...

    def warning(self, text: str) -> None:
        """Receive one sentence on what makes the result worth less."""
        ...

    def point(self, collector: str, op: str, tokens: int, done: int, total: int) -> None:
        """Receive the point that is measured next, after `done` points of `total`.

        `total` may change: adaptive sampling ends early, and disturbed sizes are repeated.
        """
        ...

    def end(self, done: int, total: int) -> None:
        """Receive that the sweep has ended after `done` points of `total`.

        Time was up where they differ.
        """
        ...


class Silent:
    """A RunProgress that ignores everything."""

    def notice(self, text: str) -> None:
        """Ignore a fact."""

    def warning(self, text: str) -> None:
        """Ignore a warning."""

    def point(self, collector: str, op: str, tokens: int, done: int, total: int) -> None:
        """Ignore a point."""

    def end(self, done: int, total: int) -> None:
        """Ignore the end of a sweep."""


SILENT: Final = Silent()


class Warnings:
    """The warnings of a stage: each is reported when it is added, and all are returned at last."""

    def __init__(self, progress: RunProgress) -> None:
        self.progress = progress
        self._texts: list[str] = []

    def add(self, texts: Iterable[str]) -> None:
        """Keep warnings and report them."""
        for text in texts:
            self._texts.append(text)
            self.progress.warning(text)

    @property
    def texts(self) -> tuple[str, ...]:
        """All warnings so far."""
        return tuple(self._texts)
