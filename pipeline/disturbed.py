"""Flags of points that were measured while other processes, heat or a quota disturbed them."""

from collections.abc import Iterator, Sequence

import pyarrow as pa

from ..device.findings import passing
from ..store.flag import Flag
from ..store.provenance import Surroundings
from ..store.recording import CollectorName, Recording


def disturbed_flags(recordings: Sequence[Recording]) -> dict[str, list[Flag]]:
    """Map the key of each disturbed scenario to its flags, in the order of the recordings."""
    flags: dict[str, list[Flag]] = {}
    for key, what, seen in _seen(recordings):
        for finding in passing(seen):
            if finding.code is not None:
                sentence = f"{what}: {finding.sentence}"
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


def _seen(recordings: Sequence[Recording]) -> Iterator[tuple[str, str, Surroundings | None]]:
    """Scenario, name and surroundings of each repeat and each load that a point is made of."""
    for recording in recordings:
        if recording.collector == CollectorName.NCU:
            continue
        for timing in recording.served:
            yield timing.scenario_key, f"repeat {timing.visit}", timing.surroundings
        for load in recording.loads:
            if load.scenario_key is not None:
                yield load.scenario_key, f"load {load.visit}", load.surroundings
