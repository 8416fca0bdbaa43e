"""All errors that moeprof raises on purpose; each class has the exit code of the program.

    MoeprofError            129   moeprof itself failed
    ├── BadInput              2   the user can correct it: the message names value and rule
    └── CannotMeasure         3   this machine lacks what the measurement needs

A message is one sentence that names the value and the rule; the hint says what to do instead.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar, Final


class MoeprofError(Exception):
    """The base of every error that moeprof raises on purpose."""

    exit_code: ClassVar[int] = 129

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class BadInput(MoeprofError):
    """An argument, option or file breaks a rule."""

    exit_code: ClassVar[int] = 2


class CannotMeasure(MoeprofError):
    """What was asked for cannot be measured on this machine."""

    exit_code: ClassVar[int] = 3


@contextmanager
def naming(where: object = "", hint: str = "") -> Iterator[None]:
    """Let each BadInput of the block name the file that is read, if given, and have a hint."""
    try:
        yield
    except BadInput as refusal:
        if str(where) not in refusal.message:
            refusal.message = f"{where}: {refusal.message}"
            refusal.args = (refusal.message,)
        refusal.hint = refusal.hint or hint
        raise


def shortened(text: str, longest: int = 80) -> str:
    """Cut a text of a file to what a sentence can hold.

    >>> shortened("x" * 100, longest=6)
    'xxx...'
    """
    return text if len(text) <= longest else f"{text[: longest - 3]}..."


# Types by the words of a hint; other types by their own names.
_WORDS: Final = {
    "NoneType": "None", "Real": "number", "integer": "int", "Iterable": "sequence",
}  # fmt: skip


def check_type(name: str, value: object, *known: type) -> None:
    """Raise BadInput where an argument is of none of these types; True and False are no numbers.

    A text or a path with a null character is refused too: no file and no option has one.
    """
    if isinstance(value, bool) != (known == (bool,)) or not isinstance(value, known):
        names = " or ".join(dict.fromkeys(_WORDS.get(one.__name__, one.__name__) for one in known))
        raise BadInput(f"{name} is {shortened(repr(value))}", hint=f"it must be of type {names}")
    if isinstance(value, (str, Path)) and "\0" in str(value):
        raise BadInput(f"{name} is {shortened(repr(value))}", hint="leave out the null character")


def path_argument(name: str, value: object) -> Path:
    """Give an argument as a path. Raises BadInput where it is none."""
    check_type(name, value, str, Path)
    return Path(str(value))


def unknown_schema(path: Path, found: str, known: str, *, way_out: str) -> BadInput:
    """The refusal of a file whose schema number this version cannot read."""
    return BadInput(f"{path} is {shortened(found)}, and this moeprof knows {known}", hint=way_out)
