"""Points that were measured while other processes, heat or a quota disturbed them."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from ..device.findings import is_disturbed, passing
from ..store.flag import Flag
from ..store.provenance import Surroundings
from ..store.recording import CollectorName, Recording
from ..store.verdicts.parts import Disturbed

_NO_PART = (CollectorName.NCU, CollectorName.THERMAL)  # their recordings are no part of a point
_REPEAT: Final = "repeat"
_LOAD: Final = "load"
# The scenario, what went on, its number, and what went on beside it.
_Seen = tuple[str, str, int, Surroundings | None]


def disturbed_flags(recordings: Sequence[Recording]) -> dict[str, list[Flag]]:
    """Map the key of each disturbed scenario to its flags, by repeat and then by load."""
    flags: dict[str, list[Flag]] = {}
    for key, kind, number, seen in sorted(_seen(recordings), key=_by_number):
        for finding in passing(seen):
            if finding.code is not None:
                sentence = f"{kind} {number}: {finding.sentence}"
                flags.setdefault(key, []).append(Flag(finding.code, sentence))
    return flags


def with_disturbances(points: pa.Table, recordings: Sequence[Recording]) -> pa.Table:
    """Add the sentences of these flags to `marks` of a `points` table."""
    flags = disturbed_flags(recordings)
    marks = [
        [*row["marks"], *(flag.sentence for flag in flags.get(row["scenario_key"], ()))]
        for row in points.select(["scenario_key", "marks"]).to_pylist()
    ]
    index = points.schema.get_field_index("marks")
    field = points.schema.field(index)
    return points.set_column(index, field, pa.array(marks, type=field.type))


def only_disturbed(recordings: Sequence[Recording]) -> dict[str, frozenset[str]]:
    """Keys of the scenarios that were measured only while the device was not quiet, by quantity.

    A repeat that was disturbed counts only where a size has no other (parsers/repeats).
    """
    quiet: defaultdict[str, list[bool]] = defaultdict(list)
    under_load: defaultdict[str, list[bool]] = defaultdict(list)
    for recording in recordings:
        if recording.collector not in _NO_PART:
            for timing in recording.served:
                quiet[timing.scenario_key].append(not is_disturbed(timing.surroundings))
            for load in recording.loads:
                if load.scenario_key is not None:
                    under_load[load.scenario_key].append(not is_disturbed(load.surroundings))
    times, loads = (
        frozenset(key for key, any_quiet in seen.items() if not any(any_quiet))
        for seen in (quiet, under_load)
    )
    return {"latency": times, "power": loads, "energy": loads}


def disturbed_points(points: pa.Table, keys: Collection[str]) -> Disturbed:
    """Count the timed points of a table, and those whose scenario is among `keys`."""
    timed = points.filter(pc.is_valid(points["latency_us"]))["scenario_key"].to_pylist()
    return Disturbed(sum(key in keys for key in timed), len(timed))


def _seen(recordings: Sequence[Recording]) -> Iterator[_Seen]:
    """Each repeat and each load that a point is made of."""
    for recording in recordings:
        if recording.collector in _NO_PART:
            continue
        for timing in recording.served:
            yield timing.scenario_key, _REPEAT, timing.visit, timing.surroundings
        for load in recording.loads:
            if load.scenario_key is not None:
                yield load.scenario_key, _LOAD, load.visit, load.surroundings


def _by_number(seen: _Seen) -> tuple[bool, int]:
    """Repeats before loads, each in the order of their numbers, as the paths are not."""
    _, kind, number, _ = seen
    return kind == _LOAD, number
