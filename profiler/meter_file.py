"""Keeps the file of an external meter with a run, as one more recording of it."""

import time
from collections import Counter
from pathlib import Path
from typing import Final

from ..parsers.external_meter import SOURCE, AlignedMeter, align
from ..parsers.power_loads import POWER, metered_loads
from ..parsers.run_meter import METER, METER_FILE, Held, power_logs
from ..store.atomic import write_whole
from ..store.document import read_document
from ..store.errors import BadInput
from ..store.provenance import Provenance
from ..store.recording import Recording, sha256_of
from ..store.run import Run

UNIT: Final = "csv"


def keep_meter(run: Run, path: Path) -> None:
    """Copy a meter's CSV into a run, in place of the one that it may hold.

    Raises BadInput, and changes nothing, where it cannot be aligned with the run's loads, or gives
    none of them a power.
    """
    held = run.recordings()
    _check_measures(path, held, align(path, power_logs(held)))
    began_ns = time.time_ns()
    copy = run.unit(METER, UNIT) / METER_FILE
    write_whole(copy, path.read_bytes())
    run.keep(
        Recording(
            unit=UNIT,
            op="",
            collector=METER,
            tool=SOURCE,
            tool_version="",
            command=(),
            exit_code=None,
            started_utc_ns=began_ns,
            ended_utc_ns=time.time_ns(),
            scenarios=(),
            served=(),
            failures=(),
            warnings=(),
            files={METER_FILE: sha256_of(copy)},
            provenance=read_document(run.provenance_path, Provenance),
        )
    )


def _check_measures(path: Path, held: Held, meter: AlignedMeter) -> None:
    costs = [
        one.cost
        for folder, recording in held
        if recording.collector == POWER
        for one in metered_loads(folder, recording, meter)[0]
    ]
    if all(cost.reason is not None for cost in costs):
        (reason, _), *_ = Counter(cost.reason for cost in costs).most_common(1)
        raise BadInput(
            f"{path} gives no load of the run a power: {reason}",
            hint="let it record the whole power pass, at 100 readings a second or more",
        )
