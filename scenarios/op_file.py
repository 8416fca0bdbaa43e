"""A user's Python file with operations: how it is read, executed, and tried before that.

A file of code may do anything when it is executed: end the process, or never come back. So it is
first tried in a process of its own (pipeline/measure/op_files.py), by `try_op_file`.
"""

import hashlib
import os
import sys
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Final

from ..store.errors import BadInput, shortened
from ..store.files import read_bytes, refuse_irregular
from .operation import Operation
from .preset import load_preset

TRIED: Final = 86  # exit code after a trial: no code of the file is likely to end with it
REFUSED: Final = 87  # likewise; the last two lines of stderr are the refusal and its hint
_MAX_BYTES: Final = 1 << 20
_TRIAL_TOKENS: Final = 64


def read_op_file(path: Path) -> list[Operation]:
    """Execute a Python file; give every module-level Operation in it.

    Raises BadInput for what is no file of at most 1 MiB, for one that raises anything, and for one
    that defines no operation.
    """
    check_op_file(path)
    name = f"moeprof_user_{hashlib.sha256(os.fsencode(path)).hexdigest()[:12]}"
    module = ModuleType(name)
    module.__file__ = str(path)
    sys.modules[name] = module  # inspect.getsource looks there
    try:
        # Never from bytecode beside the file, which may be of another text.
        exec(compile(read_bytes(path), str(path), "exec", dont_inherit=True), vars(module))
    except (BadInput, KeyboardInterrupt):
        raise
    except BaseException as error:
        raise BadInput(
            f"{path} does not run: {_reason(error)}", hint=f"see it by itself: python {path}"
        ) from error
    operations = [value for value in vars(module).values() if isinstance(value, Operation)]
    if not operations:
        raise BadInput(
            f"{path} defines no Operation", hint="docs/ops.md shows a whole one in twenty lines"
        )
    return operations


def check_op_file(path: Path) -> None:
    """Raise BadInput for what is no regular file of at most 1 MiB."""
    hint = "--ops takes a Python file with an operation"
    if not os.path.exists(path):
        raise BadInput(f"{path} does not exist", hint=hint)
    if os.path.isdir(path):
        raise BadInput(f"{path} is a folder", hint=hint)
    refuse_irregular(path, hint=hint)
    if os.path.getsize(path) > _MAX_BYTES:
        raise BadInput(f"{path} is larger than {_MAX_BYTES >> 20} MiB", hint=hint)


def try_op_file(path: Path) -> int:
    """Execute a file and count one call of its operations; return `TRIED` or `REFUSED`."""
    try:
        for operation in read_op_file(path):
            with suppress(BadInput):  # a count may need other sizes, and is checked at those
                operation.scenario(load_preset("small"), _TRIAL_TOKENS, "float32", "cold")
    except KeyboardInterrupt:
        refusal = BadInput(f"{path} does not run: KeyboardInterrupt")
    except BadInput as caught:
        refusal = caught
    else:
        return TRIED
    sys.stderr.write(f"\n{refusal.message}\n{refusal.hint or 'mend the file'}\n")
    return REFUSED


def _reason(error: BaseException) -> str:
    """Name an error with the first line of its message, which may fail to be one."""
    try:
        text = str(error)
    except Exception:
        text = ""
    first = next(iter(text.splitlines()), "")
    name = type(error).__name__
    return f"{name}: {shortened(first, longest=200)}" if first else name
