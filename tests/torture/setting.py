"""What a torture works with: the code under test, how much of it, and a place for each try."""

import compileall
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from random import Random
from typing import TypeVar

from moeprof.tests.torture import disk_shim
from moeprof.tests.torture.place import Place

Chosen = TypeVar("Chosen")


class Size(StrEnum):
    """How much is tried: a part in the test suite, `make torture`, `make torture-full`."""

    SUITE = "suite"
    SHORT = "short"
    FULL = "full"


@dataclass(slots=True)
class Setting:
    """One torture: where it works, and what it draws."""

    code: Path
    folder: Path
    size: Size
    seed: int
    shim: Path | None = field(init=False)

    def __post_init__(self) -> None:
        for package in self.code.glob("*/__init__.py"):  # else each command compiles it anew
            compileall.compile_dir(package.parent, quiet=2)
        self.shim = disk_shim.build(self.folder) if disk_shim.compiler() else None

    def pick(self, suite: Chosen, short: Chosen, full: Chosen) -> Chosen:
        """The one of three that this size asks for."""
        return {Size.SUITE: suite, Size.SHORT: short, Size.FULL: full}[self.size]

    def draw(self, name: str) -> Random:
        """A source of random numbers for one try, the same for the same seed and name."""
        return Random(f"{self.seed} {name}")

    def place(self, name: str) -> Place:
        """A place for one try."""
        return Place(self.code, self.folder, name)

    def one_or_all(self, numbers: Sequence[int], name: str) -> list[int]:
        """One of some numbers, drawn; all of them in the full torture, and none of none."""
        if self.size == Size.FULL or not numbers:
            return list(numbers)
        return [self.draw(name).choice(numbers)]
