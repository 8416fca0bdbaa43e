"""The catalogue of hostile operations, which hostile_operations.txt lists, as op files."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from textwrap import indent
from typing import Final

_CATALOGUE: Final = Path(__file__).with_suffix(".txt")


class Outcome(StrEnum):
    """What must become of the hostile size."""

    MEASURED = "measured"
    FAILED = "failed"
    EITHER = "either"


@dataclass(frozen=True, slots=True)
class Hostile:
    """One operation; the head of the catalogue says what its words mean."""

    name: str
    body: str
    outcome: Outcome
    spoils: bool
    destroys: bool


def _read(block: str) -> Hostile:
    """Read the text of one operation, after its "## "."""
    head, _, body = block.partition("\n")
    name, _, words = head.partition(": ")
    outcome, *more = words.split(", ")
    assert set(more) <= {"spoils", "destroys"}, head
    body = body.partition("\n# ")[0].strip()
    return Hostile(name, body, Outcome(outcome), "spoils" in more, "destroys" in more)


HOSTILE: Final = tuple(
    _read(block) for block in _CATALOGUE.read_text(encoding="utf-8").split("\n## ")[1:]
)

_FILE: Final = '''"""{name}: hostile."""

import torch

from moeprof.scenarios.operation import InputFactory, Operation


def make_inputs(take: InputFactory, tokens: int, hidden: int) -> tuple[torch.Tensor]:
    return (take((tokens, hidden)),)


def run(x: torch.Tensor) -> object:
    if len(x) == 2:
        import json, os, signal, sys, time
        VICTIM, SCRIPT = int(os.environ["TORTURE_VICTIM"]), os.path.abspath(sys.argv[0])
        RUN = os.path.dirname(os.path.dirname(SCRIPT))
{body}
    return x + 1


HOSTILE = Operation(
    name="hostile",
    make_inputs=make_inputs,
    run=run,
    flops=lambda tokens, preset: tokens * preset.hidden,
    bytes_moved=lambda tokens, preset, dtype_bytes: 2 * tokens * preset.hidden * dtype_bytes,
    shape=("hidden",),
)
'''


def op_file(hostile: Hostile) -> str:
    """Text of a Python file with the operation, for --ops."""
    return _FILE.format(name=hostile.name, body=indent(hostile.body, 8 * " "))
