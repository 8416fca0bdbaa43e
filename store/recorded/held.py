"""Reads every recording of a run, and leaves out those that are damaged."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..document import read_document
from ..errors import BadInput, shortened
from ..recording import CollectorName, Recording, is_spared, raw_file, read_file
from .units import RECORDING_FILE, may_hold, recorded_units, unfinished_units

Recordings = Sequence[tuple[Path, Recording]]  # each with its folder


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A unit whose recording cannot be used: its folder, and why with the way out."""

    folder: Path
    why: BadInput

    def __str__(self) -> str:
        hint = f" ({self.why.hint})" if self.why.hint else ""
        return f"left out: {self.why.message}{hint}"


@dataclass(frozen=True, slots=True)
class Held:
    """The sound recordings of a run, in order of their path, and what is left out.

    `remarks` are sentences on what is missing without harm; none unless raw files were checked.
    """

    recordings: Recordings
    left_out: Sequence[LeftOut]
    remarks: Sequence[str] = ()


def read_recordings(raw: Path, *, raw_files: bool = False) -> Held:
    """Read the recordings below a run's `raw/`.

    Left out is one that cannot be read or is not valid, that lies in another folder than its unit's
    or speaks of a scenario that it does not describe, and one that measured what another holds.
    With `raw_files` also one of whose raw files is missing or has another sha256; but a report of
    nsys may be missing, as only its export is read.
    """
    recordings: list[tuple[Path, Recording]] = []
    left_out: list[LeftOut] = []
    holders: dict[_Measured, Path] = {}
    for unit in recorded_units(raw):
        try:
            recording = _read(unit, raw_files)
            _check_alone(unit, recording, holders)
        except BadInput as why:
            if may_hold(unit):  # else it was removed meanwhile
                left_out.append(LeftOut(unit, why))
            continue
        holders.update(dict.fromkeys(_measured(recording), unit))
        recordings.append((unit, recording))
    remarks = [*_unfinished(raw), *_spared(recordings)] if raw_files else ()
    return Held(recordings, left_out, remarks)


def _unfinished(raw: Path) -> list[str]:
    """Say which folders hold no recording."""
    units = unfinished_units(raw)
    if not units:
        return []
    return [
        f"{_listed(units)}: no {RECORDING_FILE}, so nothing there is used: it was not finished, or"
        " is being measured now"
    ]


def _spared(recordings: Recordings) -> list[str]:
    """Say which raw files are missing that nobody reads."""
    gone = [unit / name for unit, one in recordings for name in one.files if is_spared(unit, name)]
    return [f"{_listed(gone)}: missing; its export is whole, and is read"] if gone else []


def _listed(paths: Sequence[Path]) -> str:
    more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
    return f"{paths[0]}{more}"


# Collector, operation, kind, scenario and repeat of a measurement.
_Measured = tuple[str, str, str, str | None, int]


def _read(unit: Path, raw_files: bool) -> Recording:
    """Read the recording of a unit. Raises BadInput where it cannot be used."""
    path = unit / RECORDING_FILE
    recording = read_document(path, Recording)
    if (recording.collector, recording.unit) != (unit.parent.name, unit.name):
        raise BadInput(
            f"{path} is of the unit {shortened(f'{recording.collector}/{recording.unit}')!r}, and"
            " lies in the folder of another",
            hint="remove the folder, or move it to where it belongs",
        )
    _check_described(path, recording)
    read_file(unit, recording)
    if raw_files:
        for name in recording.files:
            if not is_spared(unit, name):
                raw_file(unit, recording, name)
    return recording


def _check_described(path: Path, recording: Recording) -> None:
    """Raise BadInput where a recording times, loads or fails a scenario that it does not hold."""
    described = {scenario.key for scenario in recording.scenarios}
    keys = {one.scenario_key for one in recording.served}
    keys |= {one.scenario_key for one in recording.failures}
    keys |= {one.scenario_key for one in recording.loads if one.scenario_key is not None}
    for key in sorted(keys):
        if key not in described:
            raise BadInput(
                f"{path} speaks of the scenario {shortened(key)!r} without describing it",
                hint=Recording.WAY_OUT,
            )


def _check_alone(unit: Path, recording: Recording, holders: dict[_Measured, Path]) -> None:
    """Raise BadInput where another recording holds what this one measured: it would count twice."""
    for one in _measured(recording):
        if one in holders:
            raise BadInput(
                f"{unit / RECORDING_FILE} measured what {holders[one]} holds already: repeat"
                f" {one[-1]} of {one[-2]}",
                hint="remove one of the two folders",
            )


def _measured(recording: Recording) -> Iterator[_Measured]:
    """What a recording measured. The thermal response loads one size again and again."""
    collector, op = recording.collector, recording.op
    for timing in recording.served:
        yield collector, op, "timing", timing.scenario_key, timing.visit
    if collector == CollectorName.POWER:
        for load in recording.loads:
            yield collector, op, load.kind, load.scenario_key, load.visit
