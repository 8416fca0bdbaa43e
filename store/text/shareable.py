"""Text fit to be shared: without what tells who measured, and where in a file system.

Runs, models and reports are passed on. Reasons of failures, last words of tools and commands name
files of the machine, so every text that enters a document goes through `shareable` first.
"""

import os
import platform
import pwd
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Final

from ..errors import shortened

_HOME: Final = "~"
_USER: Final = "<user>"
_HOST: Final = "<host>"
# Each pattern takes time that grows with the text alone, because the text may be anyone's: no part
# matches in two ways, and none begins again within what it has passed over.
_EMAIL: Final = (re.compile(r"(?<![\w.+-])[\w.+-]++@(?:[\w-]+\.)+[A-Za-z]{2,}"), "<e-mail>")

# A folder's name may hold spaces, the last name of a path ends at one.
_FOLDER: Final = r"[^\\/\n'\":,;()<>]{1,255}"
_NAME: Final = r"[^\s\\/'\":,;()<>]+"
_FOLDERS: Final = rf"(?:{_FOLDER}[\\/]+){{0,64}}"
# Not after a word, a colon or a slash: so neither `tokens/s` nor a URL.
_ROOT: Final = r"(?:file://[\\/]|(?<![\w:/.<~])(?<!\\\\)(?:~?[\\/]++|[A-Za-z]:[\\/]++))"
_PATH: Final = re.compile(rf"{_ROOT}{_FOLDERS}{_NAME}[\\/]?")
_HOME_OF_SOMEONE: Final = re.compile(
    r"(?:file:/[\\/])?(?:[A-Za-z]:)?[\\/](?:home|Users)[\\/][^\\/]+[\\/]?"
)
_QUOTED: Final = re.compile(  # a backslash before the last quote may escape it, or end the path
    r"""(?P<quote>['"`])(?=~?[\\/]|[A-Za-z]:[\\/]|file://)"""
    r"""(?P<path>(?:\\.|(?!(?P=quote))[^\\])+(?:\\(?=(?P=quote)))?)(?P=quote)""",
    re.DOTALL,
)
# A line of a traceback.
_TRACED: Final = re.compile(r'File "(?P<path>(?:(?!File ").)+?)", line (?=\d)')

_SECRET: Final = re.compile(
    "token|secret|passw|passphrase|credential|api_?key|_key$|auth|cookie", re.IGNORECASE
)
_LONGEST: Final = 4000  # characters that are kept of a text
_SHORTEST: Final = 2  # characters of a user's or host's name that is looked for
_SHORTEST_SECRET: Final = 8
_OF_NOBODY: Final = {"root", "nobody", "localhost"}


@dataclass(frozen=True, slots=True)
class Private:
    """What belongs to one user on one machine: texts, each with what stands in its place."""

    roots: tuple[str, ...] = ()
    words: tuple[tuple[str, str], ...] = ()


def shareable(text: str, private: Private | None = None) -> str:
    """Shorten each absolute path in `text` to its last name; replace names, secrets and e-mails.

    `private` is that of this process where it is None.

    >>> shareable('File "/home/ann/my ops/op.py", line 3', Private())
    'File "op.py", line 3'
    """
    text = shortened(text, _LONGEST)
    known = _private_here() if private is None else private
    for secret, shown in known.words:
        if secret in text:
            text = re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", shown, text)
    for root in known.roots:
        if root in text:
            text = re.sub(rf"(?<![\w~]){re.escape(root)}(?![\w.-])", _HOME, text)
    if "@" in text:
        text = _EMAIL[0].sub(_EMAIL[1], text)
    if "/" not in text and "\\" not in text:
        return text
    text = _TRACED.sub(lambda found: f'File "{_last(found["path"])}", line ', text)
    text = _QUOTED.sub(lambda found: found["quote"] + _last(found["path"]) + found["quote"], text)
    return _PATH.sub(lambda found: _last(found.group()), text)


def _last(path: str) -> str:
    """Last name of a path that stands alone; a home is nobody's."""
    if _HOME_OF_SOMEONE.fullmatch(path):
        return _HOME
    return re.split(r"[\\/]", path.rstrip("\\/"))[-1]


@cache
def _private_here() -> Private:
    user = _user()
    names = [(name, _USER) for name in (user, os.environ.get("USER"), os.environ.get("LOGNAME"))]
    node = platform.node()
    names += [(node, _HOST), (node.partition(".")[0], _HOST)]
    secrets = [
        (value, f"${name}")
        for name, value in os.environ.items()
        if _SECRET.search(name) and len(value) >= _SHORTEST_SECRET
    ]
    words = [
        (name, shown)
        for name, shown in names
        if name and len(name) >= _SHORTEST and name not in _OF_NOBODY
    ]
    return Private(tuple(_roots()), tuple(dict([*secrets, *words]).items()))


def _user() -> str | None:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container may run as a user that has no name
        return None


def _roots() -> Iterable[str]:
    """Folders whose own names may tell something, the longest first, also behind links."""
    found = {os.path.expanduser("~"), *map(os.environ.get, ("HOME", "TMPDIR", "VIRTUAL_ENV"))}
    try:
        found.add(os.getcwd())
    except OSError:  # it was removed
        pass
    absolute = [path for path in found if path and os.path.isabs(path)]
    roots = {path.rstrip("/") for each in absolute for path in (each, os.path.realpath(each))}
    return sorted(filter(None, roots), key=len, reverse=True)


def share(document: object, *fields: str) -> None:
    """Make fields of a frozen dataclass that is just made shareable: each a text, or texts."""
    for name in fields:
        value = getattr(document, name)
        if isinstance(value, str):
            object.__setattr__(document, name, shareable(value))
        elif value is not None:
            object.__setattr__(document, name, tuple(map(shareable, value)))
