"""Records of a result file: one JSON object, an array of them, or one a line."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import isnan
from pathlib import Path
from typing import Any, Final

from ...store.errors import BadInput, shortened
from ..kineto.text import text_blocks

_MOST_BYTES: Final = 256 << 20
_LARGEST: Final = 1e15
_HINT: Final = "name the file that the benchmark wrote, whole"


@dataclass(frozen=True, slots=True)
class Record:
    """One object of a file; `name` tells it from all others by the file's content and its place.

    Values are checked where they are asked for. A number may stand as text, as vLLM's
    `--metadata key=value` leaves it; NaN counts as missing.
    """

    path: Path
    name: str
    place: str
    data: Mapping[str, Any]

    def refusal(self, why: str, hint: str = _HINT) -> BadInput:
        """The error that says what is wrong with this record."""
        return BadInput(f"{self.path}{self.place}: {why}", hint=hint)

    def number(self, key: str) -> float | None:
        """A number from 0 to 1e15; None where it is missing, null or NaN.

        Raises BadInput for a text and for any other number.
        """
        value = self.data.get(key)
        if value is None:
            return None
        found = _as_number(value)
        if found is not None and isnan(found):
            return None
        if found is None or not 0 <= found <= _LARGEST:
            raise self.refusal(f"{key} is {value!r:.60}, and must be a number from 0 to 1e15")
        return found

    def above_0(self, key: str) -> float | None:
        """A number above 0; None where it is missing, null, NaN or 0."""
        return self.number(key) or None

    def needed_ms(self, key: str) -> float:
        """A mean time per token, ms. Raises BadInput where it is missing, null, NaN or 0."""
        found = self.above_0(key)
        if found is None:
            said = self.data.get(key, "missing")
            raise self.refusal(
                f"{key}, the time per token, is {said}, and must be above 0",
                hint="name a run whose requests wrote several tokens",
            )
        return found

    def whole(self, key: str) -> int | None:
        """A whole number from 1 on; None where it is missing. Raises BadInput for others."""
        value = self.number(key)
        if value is None:
            return None
        if value != int(value) or value < 1:
            raise self.refusal(f"{key} is {value:g}, and must be a whole number from 1 on")
        return int(value)

    def text(self, key: str) -> str | None:
        """A text; None where it is missing, null or empty. Raises BadInput for anything else."""
        value = self.data.get(key)
        if value is not None and not isinstance(value, str):
            raise self.refusal(f"{key} is {value!r:.60}, and must be a text")
        return value or None

    def flag(self, key: str) -> bool:
        """Whether a flag is set, as true or as the text "true"."""
        return str(self.data.get(key, False)).lower() == "true"


def _as_number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None


def records_of(path: Path) -> list[Record]:
    """Read the records of a file, gzipped or not; both have the same names.

    Raises BadInput where it is no JSON of one object, an array of objects, or an object a line;
    where an object has a key twice; where the file is empty or has more than 256 MiB.
    """
    content = _unpacked(path)
    digest = hashlib.sha256(content).hexdigest()[:16]
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInput(f"{path} is no UTF-8 text", hint=_HINT) from error
    found = list(_objects(path, text))
    if not found:
        raise BadInput(f"{path} holds no result", hint=_HINT)
    return [Record(path, f"{digest}:{at}", place, data) for at, (place, data) in enumerate(found)]


def _unpacked(path: Path) -> bytes:
    """The text of a file in UTF-8. Raises BadInput where it cannot be read, or is too long."""
    found = bytearray()
    for block in text_blocks(path):
        found += block
        if len(found) > _MOST_BYTES:
            raise BadInput(f"{path} has more than {_MOST_BYTES >> 20} MiB of text", hint=_HINT)
    return bytes(found)


def _objects(path: Path, text: str) -> Iterator[tuple[str, dict[str, Any]]]:
    try:
        whole = _loaded(text)
    except ValueError:
        for at, line in enumerate(text.splitlines(), 1):
            if line.strip():
                yield f", line {at}", _object(path, f", line {at}", line)
        return
    if isinstance(whole, list):
        for at, entry in enumerate(whole, 1):
            yield f", entry {at}", _checked(path, f", entry {at}", entry)
    else:
        yield "", _checked(path, "", whole)


def _object(path: Path, place: str, text: str) -> dict[str, Any]:
    try:
        return _checked(path, place, _loaded(text))
    except ValueError as error:
        raise BadInput(f"{path}{place} is no JSON: {shortened(str(error))}", hint=_HINT) from error


def _checked(path: Path, place: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise BadInput(f"{path}{place} is no JSON object: {value!r:.40}", hint=_HINT)
    return value


def _loaded(text: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_without_twins)
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twin = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {twin!r:.60} stands twice in one object")
    return found
