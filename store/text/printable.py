"""Text of data made fit to be shown: what would act on a terminal or hide is written as an escape.

Names of files, kernels and operations may hold codes that clear a screen, set a clipboard or turn
the order of letters round (Trojan Source, CVE-2021-42574). The escapes are those of JSON, so that
JSON stays the same data.
"""

import codecs
import json
import re
import unicodedata
from typing import Final

# Printable by their category, and yet seen as nothing: Unicode's Default_Ignorable_Code_Point.
_UNSEEN: Final = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0000-\U000e0fff]"
)
_BY_ESCAPE: Final = "moeprof.printable"  # the name of our handler of what an encoding lacks


def printable(text: str, encoding: str = "utf-8") -> str:
    r"""Escape what is not printable on one line, what cannot be seen, and what `encoding` lacks.

    Letters of every script, their accents, and spaces stay as they are.

    >>> printable("é\x1b[2J\n")
    'é\\u001b[2J\\n'
    """
    if text.isascii() and text.isprintable():
        return text
    shown = "".join(map(_shown, text))
    return shown.encode(encoding, _BY_ESCAPE).decode(encoding)


def printable_lines(text: str, encoding: str = "utf-8") -> str:
    """Escape as `printable` does, but for the ends of lines."""
    return "\n".join(printable(line, encoding) for line in text.split("\n"))


def _shown(character: str) -> str:
    seen = character.isprintable() or unicodedata.category(character) == "Zs"
    return character if seen and not _UNSEEN.match(character) else _escape(character)


def _escape(text: str) -> str:
    return json.dumps(text)[1:-1]


def _by_escape(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError), error
    return _escape(error.object[error.start : error.end]), error.end


codecs.register_error(_BY_ESCAPE, _by_escape)
