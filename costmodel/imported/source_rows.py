"""The rows that a reader gives of one source, and where they come from."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ...store.cost_model import Origin
from ...store.errors import BadInput, shortened
from ...store.recording import sha256_of
from ...store.scenario import Scenario


@dataclass(frozen=True, slots=True)
class Imported:
    """One row of a public table: the operation, its latency in us and its mean power in W.

    `has_power` says whether the table has a column of power; `power_w` is None where the row has no
    usable value in it. `place` is that of the latency: file, column and row. `kernel` names the
    implementation, "" where the source does not say. `assumed` is what the work of the scenario
    counts on and the source does not say, as the end of a sentence.
    """

    scenario: Scenario
    latency_us: float
    power_w: float | None = None
    has_power: bool = False
    place: str = "a row"
    kernel: str = ""
    assumed: str = ""


@dataclass(frozen=True, slots=True)
class ImportedTable:
    """The rows of one source, on one GPU with one version of its software.

    Latencies are positive and finite. `remarks` say what the reader left out.
    """

    rows: tuple[Imported, ...]
    gpu: str
    versions: dict[str, str]
    origin: Origin
    remarks: tuple[str, ...] = ()


def origin_of(project: str, commit: str, licence: str, files: Sequence[Path]) -> Origin:
    """Name the publisher of measurements, with the digests of the files.

    Raises BadInput for a path that is not printable text: a model keeps it.
    """
    for path in map(Path.resolve, files):
        if not str(path).isprintable():
            raise BadInput(
                f"the path {shortened(ascii(str(path)))} is not printable", hint="rename it"
            )
    return Origin(project, commit, licence, {path.name: sha256_of(path) for path in files})
