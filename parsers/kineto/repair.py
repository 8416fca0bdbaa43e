r"""JSON as profilers have written it, made valid: what a string or a value may wrongly hold.

torch.profiler put Windows paths into strings without escaping them (`C:\Users`), wrote bytes that
are no UTF-8, tabs and other control characters, and NaN (pytorch/kineto, sanitizeStrForJSON in
libkineto/src/output_json.cpp, says which). None of this changes where a string ends, so the rest of
the text can be trusted.
"""

import json
import re
from typing import Final, NamedTuple

import numpy as np

MORE: Final = "more after the end of the trace"
_SHORT_BYTES: Final = 1 << 16
_ESCAPED: Final = re.compile(rb"\\.", re.DOTALL)
# A string with or without its end; `*+` never goes back, which keeps a search linear.
_STRING: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)
_TOKEN: Final = re.compile(
    rb"""("[^"\\]*+(?:\\.[^"\\]*+)*+")             # a string
    | :\s*+(?=[,}])                                 # no value
    | -?\b(?:nan|inf|infinity)\b(?:\(\w+\))?        # not finite
    | -?\d{300,}[\d.eE+-]*                          # beyond any number that is read
    """,
    re.DOTALL | re.IGNORECASE | re.VERBOSE,
)
_INVALID: Final = re.compile(
    r"""[\x00-\x1f]                                                 # a control character
    | \\u[dD][89abAB][\da-fA-F]{2}\\u[dD][c-fC-F][\da-fA-F]{2}      # a pair of surrogates: valid
    | \\u[dD][89a-fA-F][\da-fA-F]{2}                                # half a pair
    | \\u[\da-fA-F]{4} | \\["\\/bfnrt]                              # another valid escape
    | \\                                                            # an escape that is none
    """,
    re.VERBOSE,
)
_HALF_PAIR: Final = re.compile(r"\\u[dD][89a-fA-F]..", re.DOTALL)
_BARE: Final = re.compile(r"[\w.+-]*\s*")


class Fault(NamedTuple):
    """Where a text stops being JSON, as a byte in it, and why; `cut` if it only lacks its end."""

    byte: int
    cause: str
    cut: bool


def masked(text: bytes) -> bytes:
    """Replace each escape by as many spaces: every quote that is left begins or ends a string."""
    if b"\\" not in text:
        return text
    if len(text) < _SHORT_BYTES:
        return _ESCAPED.sub(b"  ", text)
    # A regular expression would take 40 times the memory of a text of nothing but escapes.
    letters = np.frombuffer(text.replace(b"\\\\", b"  "), dtype=np.uint8).copy()
    escapes = np.flatnonzero(letters[:-1] == ord("\\"))
    letters[escapes] = letters[escapes + 1] = ord(" ")
    return letters.tobytes()


def repaired(text: bytes) -> bytes:
    r"""Make what strings and numbers hold valid JSON.

    An escape or a byte that is invalid stays readable as itself (`\Users`, `\xe9`), a control
    character is escaped. A member without a value and a number that is not finite or has hundreds
    of digits are null.
    """
    return _TOKEN.sub(_repaired_token, text)


def fault(text: bytes) -> Fault | None:
    """Find where `text` is no JSON even if repaired; None where it is one JSON value."""
    letters = _masked_strings(text).decode("latin-1")
    start = len(letters) - len(letters.lstrip())
    try:
        # Only the form counts: a float may have any number of digits, an int of Python's not.
        decoder = json.JSONDecoder(strict=False, parse_int=float)
        _, end = decoder.raw_decode(letters, start)
    except json.JSONDecodeError as error:
        unfinished = error.msg.startswith("Unterminated")
        unfinished |= error.pos > 0 and _BARE.fullmatch(letters, error.pos) is not None
        return Fault(error.pos, error.msg.lower(), unfinished)
    except RecursionError:
        return Fault(0, "brackets nested too deep", cut=False)
    end += len(letters[end:]) - len(letters[end:].lstrip())
    if end == len(letters):
        return None
    return Fault(end, MORE, cut=False)


def _masked_strings(text: bytes) -> bytes:
    """Replace each escape in a string by spaces; what stands outside strings stays."""
    if b"\\" not in text:
        return text
    letters = bytearray(text)
    for string in _STRING.finditer(text):
        if b"\\" in string[0]:
            letters[string.start() : string.end()] = masked(string[0])
    return bytes(letters)


def _repaired_token(token: "re.Match[bytes]") -> bytes:
    if token[1] is None:
        return b": null" if token[0].startswith(b":") else b"null"
    return _INVALID.sub(_valid, token[1].decode("utf-8", "backslashreplace")).encode()


def _valid(match: "re.Match[str]") -> str:
    text = match[0]
    if text < " ":
        return f"\\u{ord(text):04x}"
    return f"\\{text}" if len(text) == 1 or _HALF_PAIR.fullmatch(text) else text
