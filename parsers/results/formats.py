"""The formats of result files, told apart by the fields of their records."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ...store.errors import BadInput, shortened
from ...store.serving.serving_row import ServingRow
from .record import Record, records_of
from .vllm_serve import is_vllm_serve, read_vllm_serve


@dataclass(frozen=True, slots=True)
class ResultFormat:
    """One format: the command that writes it, how a record of it is known, and its rows."""

    title: str
    recognises: Callable[[Record], bool]
    read: Callable[[Record], list[ServingRow]]


# A format whose fields are all in another's stands behind it.
FORMATS: Final = (ResultFormat("vllm bench serve --save-result", is_vllm_serve, read_vllm_serve),)


def read_results(path: Path) -> list[ServingRow]:
    """Read the rows of a result file.

    Raises BadInput where it cannot be read, is of no known format, or contradicts itself.
    """
    return [row for record in records_of(path) for row in _format_of(record).read(record)]


def _format_of(record: Record) -> ResultFormat:
    for form in FORMATS:
        if form.recognises(record):
            return form
    keys = shortened(", ".join(map(str, record.data)) or "none", longest=200)
    raise BadInput(
        f"{record.path}{record.place} is of no known format; its fields: {keys}",
        hint=f"known: {'; '.join(form.title for form in FORMATS)}",
    )
