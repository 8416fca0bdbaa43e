"""Find operations: moeprof's own, those of installed packages, and those in a user's file."""

import difflib
import hashlib
import importlib.util
import sys
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Final

from ..store.errors import BadInput, shortened
from .operation import Operation
from .ops import dequant_linear, dequant_unpack, experts, fc1, fc2, gelu, relu, topk

CATALOGUE: Final = tuple(
    module.OPERATION for module in (fc1, fc2, gelu, relu, dequant_unpack, dequant_linear, topk)
)
SETS: Final = {"all": CATALOGUE, "experts": experts.OPERATIONS}
ENTRY_POINTS: Final = "moeprof.ops"


@dataclass(frozen=True, slots=True)
class LoadedOp:
    """An operation, and the path of the user's file that defines it; None if it is installed."""

    operation: Operation
    source: str | None = None


def find_ops(words: str) -> list[LoadedOp]:
    """Resolve a comma-separated list of sets, names and Python files to operations.

    The set "all" is the catalogue, "experts" the grouped experts at three numbers of active
    experts. A name is an operation of these or an entry point of an installed package in the group
    `moeprof.ops`. A file is executed, and every module-level Operation in it is taken. Raises
    BadInput for an unknown name, a file that fails or defines no operation, and a name that occurs
    twice.
    """
    found: list[LoadedOp] = []
    for word in words.split(","):
        found += _find(word.strip())
    names = [each.operation.name for each in found]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise BadInput(f"--ops {words!r} names the operation {twice[0]} twice")
    return found


def _find(word: str) -> list[LoadedOp]:
    if word in SETS:
        return [LoadedOp(operation) for operation in SETS[word]]
    if word.endswith(".py"):
        path = Path(word).resolve()
        return [LoadedOp(operation, str(path)) for operation in _from_file(path)]
    own = {operation.name: operation for operations in SETS.values() for operation in operations}
    if word in own:
        return [LoadedOp(own[word])]
    installed = metadata.entry_points(group=ENTRY_POINTS)
    if word in installed.names:
        return [LoadedOp(_loaded(installed[word]))]
    known = [*own, *sorted(installed.names), *SETS]
    near = difflib.get_close_matches(word, known, n=1)
    meant = f"did you mean {near[0]}? " if near else ""
    raise BadInput(
        f"there is no operation {shortened(word)!r}",
        hint=f"{meant}there are {', '.join(known)}, and a Python file of your own",
    )


def _loaded(entry: metadata.EntryPoint) -> Operation:
    try:
        operation = entry.load()
    except Exception as error:
        raise BadInput(f"the installed operation {entry.name} does not load: {error}") from error
    if not isinstance(operation, Operation):
        raise BadInput(f"the entry point {entry.value} is no Operation")
    if operation.name != entry.name:
        raise BadInput(
            f"the entry point {entry.name!r} gives an operation called {operation.name!r}",
            hint="give the entry point the operation's name",
        )
    return operation


def _from_file(path: Path) -> list[Operation]:
    if not path.is_file():
        raise BadInput(f"{path} does not exist", hint="--ops takes a Python file with an operation")
    name = f"moeprof_user_{hashlib.sha256(str(path).encode()).hexdigest()[:12]}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None, path
    assert spec.loader is not None, path
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # inspect.getsource looks there
    try:
        spec.loader.exec_module(module)
    except BadInput:
        raise
    except (Exception, SystemExit) as error:
        raise BadInput(f"{path} does not run: {type(error).__name__}: {error}") from error
    operations = [value for value in vars(module).values() if isinstance(value, Operation)]
    if not operations:
        raise BadInput(
            f"{path} defines no Operation", hint="docs/ops.md shows a whole one in twenty lines"
        )
    return operations
